package stack

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
)

func TestExpand(t *testing.T) {
	values := map[string]any{
		"url":    "$(INGRESS_URL)/issuer",
		"twice":  "$(INGRESS_URL) and $(INGRESS_URL)",
		"other":  "$(POD_IP):$(INGRESS_URLS)",
		"number": 8080, "truth": true, "none": nil,
		"$(INGRESS_URL)": "a key",
		"nested":         map[string]any{"list": []any{"$(INGRESS_URL)", 1, map[string]any{"deep": "x $(INGRESS_URL)"}}, "empty": map[string]any{}},
	}
	const at = "http://127.0.0.1:8080"
	want := map[string]any{
		"url":    at + "/issuer",
		"twice":  at + " and " + at,
		"other":  "$(POD_IP):$(INGRESS_URLS)",
		"number": 8080, "truth": true, "none": nil,
		"$(INGRESS_URL)": "a key",
		"nested":         map[string]any{"list": []any{at, 1, map[string]any{"deep": "x " + at}}, "empty": map[string]any{}},
	}
	got, err := expansion{ingress: at}.values(values)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	if values["url"] != "$(INGRESS_URL)/issuer" || values["nested"].(map[string]any)["list"].([]any)[0] != "$(INGRESS_URL)" {
		t.Errorf("the description was changed: %v", values)
	}
	if got, err := (expansion{ingress: at}).values(nil); got != nil || err != nil {
		t.Errorf("no values became %v, %v", got, err)
	}
}

func TestExpandOutputs(t *testing.T) {
	filling := expansion{ingress: "https://a.example.com", outputs: map[string]any{
		"vpc_id": "vpc-1",
		"roles":  map[string]any{"workloads": map[string]any{"loki": "arn:loki"}},
		"notes":  map[string]any{"group.name": "edge", "listen-ports": `[{"HTTPS":443}]`},
		"zones":  []any{"a", "b"},
	}}
	for text, want := range map[string]any{
		"$(outputs.vpc_id)":                           "vpc-1",
		"in $(outputs.vpc_id) at $(INGRESS_URL)":      "in vpc-1 at https://a.example.com",
		"$(outputs.roles.workloads.loki)":             "arn:loki",
		"$(outputs.notes.group.name)":                 "edge",
		"$(outputs.zones)":                            []any{"a", "b"},
		"zones: $(outputs.zones), $(outputs.zones)":   `zones: ["a","b"], ["a","b"]`,
		"$(output.vpc_id) $(outputs.) $(outputs vpc)": "$(output.vpc_id) $(outputs.) $(outputs vpc)",
	} {
		got, err := filling.values(map[string]any{"key": []any{text}})
		if diff := cmp.Diff(map[string]any{"key": []any{want}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got\n%s", text, err, diff)
		}
	}
	var unknown outputUnknown
	if _, err := filling.values(map[string]any{"key": "$(outputs.roles.none)"}); !errors.As(err, &unknown) || unknown.name != "roles.none" {
		t.Errorf("an unknown output: %v", err)
	}
	if _, err := (expansion{}).values(map[string]any{"key": "$(outputs.vpc_id)"}); !errors.Is(err, errNoOutputs) {
		t.Errorf("no outputs yet: %v", err)
	}
}

// Preflight renders with the address that is wished for; if the ingress comes up
// elsewhere, everything that follows has the address it got.
func TestReleaseFollowsTheIngress(t *testing.T) {
	platform := &standIn{ingress: "http://127.0.0.1:8080"}
	wanted := config.Release{Name: "backend", Chart: "backend", Values: map[string]any{
		"oidc": map[string]any{"issuer": "$(INGRESS_URL)/issuer"},
	}}
	s := &Stack{platform: platform, options: Options{
		Charts: charts.Files, Environment: config.Environment{Name: "shop", Releases: []config.Release{wanted}},
	}}
	render := func() string {
		t.Helper()
		release, found, err := s.Release("backend")
		if err != nil || !found {
			t.Fatalf("found %v, %v", found, err)
		}
		rendered, err := deploy.Render(release)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(rendered.Manifest, config.IngressURL) {
			t.Error("the chart has what should have been filled in")
		}
		return rendered.Manifest
	}
	if first, second := render(), render(); first != second || !strings.Contains(first, "http://127.0.0.1:8080/issuer") {
		t.Errorf("two renders differ, or lack the address")
	}
	platform.ingress = "http://127.0.0.1:8081"
	if moved := render(); !strings.Contains(moved, "http://127.0.0.1:8081/issuer") || strings.Contains(moved, ":8080/issuer") {
		t.Errorf("the release does not follow the ingress")
	}
}
