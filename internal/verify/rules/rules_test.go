package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

const generated = "../../../charts/prometheus/rules/objectives.yaml"

func shipped(t *testing.T) rules.File {
	t.Helper()
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	objectives, err := source.Objectives()
	if err != nil {
		t.Fatal(err)
	}
	return rules.Of(objectives)
}

func TestTheChartHasTheRulesOfTheObjectives(t *testing.T) {
	want, err := shipped(t).YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the chart's rules are stale; run `make generate` (-want +got):\n%s", diff)
	}
}

func TestTheServiceChartHasTheChecksOfTheObjectives(t *testing.T) {
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	objectives, err := source.Objectives()
	if err != nil {
		t.Fatal(err)
	}
	want, err := rules.ChecksYAML(objectives)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../charts/backend/files/objectives.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the canary's checks are stale; run `make generate` (-want +got):\n%s", diff)
	}
	limits := map[string]float64{}
	for _, check := range rules.Checks(objectives) {
		limits[check.Name] = check.Limit
	}
	if diff := cmp.Diff(map[string]float64{"latency-p95": 0.05, "error-rate": 0.01, "database-connections": 0.8}, limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestTheRulesFollowTheObjectives(t *testing.T) {
	objectives, err := config.ReadObjectives("slo.yaml", []byte(`objectives:
  - {name: latency-p99, description: quick, indicator: latency, quantile: 0.99, target: "<1.5s"}
  - {name: up, description: there, indicator: availability, target: ">=99%"}
  - {name: cpu, description: idle, indicator: database-cpu, target: "<70%"}
`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := rules.Of(objectives).YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`le="1.5"`, "histogram_quantile(0.99,", "slo:latency_p99:bad_ratio_3d", "slo:up:bad_ratio_1h > 0.144", "alert: LatencyP99BurnPage", "alert: UpBurnTicket",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the rules lack %q", want)
		}
	}
	if strings.Contains(string(text), "cpu") {
		t.Error("there are rules of an objective that the service's metrics don't measure")
	}
}

// Who is called has to find out what it is about, and what to do.
func TestEveryAlertTellsWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, alert := range shipped(t).Alerts() {
		if seen[alert.Alert] {
			t.Errorf("%s is there twice", alert.Alert)
		}
		seen[alert.Alert] = true
		if severity := alert.Labels["severity"]; severity != rules.Page && severity != rules.Ticket {
			t.Errorf("%s has severity %q", alert.Alert, severity)
		}
		for _, annotation := range []string{"summary", "description", "runbook_url", "last_deploy"} {
			if alert.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", alert.Alert, annotation)
			}
		}
		file := filepath.Join("..", "..", "..", "operations", "runbooks", filepath.Base(alert.Annotations["runbook_url"]))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%s: %v", alert.Alert, err)
			continue
		}
		for _, part := range []string{"# " + alert.Alert, "## What it means", "## What to do"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q", file, part)
			}
		}
	}
	found, err := filepath.Glob("../../../operations/runbooks/*.md")
	if err != nil || len(found) != len(seen) {
		t.Errorf("%d runbooks for %d alerts: %v", len(found), len(seen), fmt.Sprint(err))
	}
}
