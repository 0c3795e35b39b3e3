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

func TestTheChartHasTheExerciseOfEveryAlert(t *testing.T) {
	drill, err := shipped(t).Drill(rules.DrillFactor)
	if err != nil {
		t.Fatal(err)
	}
	want, err := drill.YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../charts/prometheus/drill/objectives.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the chart's exercises are stale; run `make generate` (-want +got):\n%s", diff)
	}
	alerts := shipped(t).Alerts()
	for i, quick := range drill.Alerts() {
		slow := alerts[i]
		if quick.Alert != slow.Alert || quick.Labels[rules.DrillLabel] != "20" || quick.Labels["severity"] != slow.Labels["severity"] {
			t.Errorf("the exercise of %s is %+v", slow.Alert, quick)
		}
		if slow.Labels[rules.DrillLabel] != "" || strings.Contains(slow.Annotations["description"], "exercise") {
			t.Errorf("%s has become an exercise itself", slow.Alert)
		}
	}
}

func TestAnExerciseIsQuickerAndApart(t *testing.T) {
	file := rules.File{Groups: []rules.Group{{Name: "g", Rules: []rules.Rule{
		{Record: "slo:up:bad_ratio_6h", Expr: `sum(increase(a[6h])) / sum(increase(b[1m]))`},
		{Alert: "Up", Expr: `slo:up:bad_ratio_6h > 0.1 and slo:up:bad_ratio_5m > 0.1`, For: "10m", Labels: map[string]string{"severity": "page"}, Annotations: map[string]string{"description": "Bad."}},
	}}}}
	got, err := file.Drill(20)
	if err != nil {
		t.Fatal(err)
	}
	want := rules.File{Groups: []rules.Group{{Name: "drill-g", Rules: []rules.Rule{
		{Record: "drill:up:bad_ratio_18m", Expr: `sum(increase(a[18m])) / sum(increase(b[15s]))`},
		{
			Alert: "Up", Expr: `drill:up:bad_ratio_18m > 0.1 and drill:up:bad_ratio_15s > 0.1`, For: "30s",
			Labels:      map[string]string{"severity": "page", "drill": "20"},
			Annotations: map[string]string{"description": "Bad. (An exercise: all times are 20 times shorter.)"},
		},
	}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := rules.File{Groups: []rules.Group{{Rules: []rules.Rule{{Alert: "A", For: "soon", Labels: map[string]string{}, Annotations: map[string]string{}}}}}}
	if _, err := broken.Drill(20); err == nil {
		t.Error("a wait that is no duration is taken")
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
