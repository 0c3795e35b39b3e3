package stack

import (
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
	if diff := cmp.Diff(want, expandMap(values, at)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if values["url"] != "$(INGRESS_URL)/issuer" || values["nested"].(map[string]any)["list"].([]any)[0] != "$(INGRESS_URL)" {
		t.Errorf("the description was changed: %v", values)
	}
	if got := expandMap(nil, at); got != nil {
		t.Errorf("no values became %v", got)
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
