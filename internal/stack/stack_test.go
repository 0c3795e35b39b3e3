package stack

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/load"
)

func localStack(t *testing.T) *Stack {
	t.Helper()
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	environment, err := config.ReadEnvironment(source, "local")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Environment: environment, Charts: charts.Files, Definitions: charts.Definitions,
		StateDirectory: t.TempDir(), Binary: "/pocctl", Build: "test", Plan: load.Plan{Rate: 300},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSteps holds the order of the whole of `up`: what waits for what.
func TestSteps(t *testing.T) {
	got := map[string][]string{}
	steps := localStack(t).Steps()
	for _, step := range steps {
		got[step.Name] = step.DependsOn
	}
	want := map[string][]string{
		"preflight/machine":    nil,
		"preflight/postgres":   {"preflight/machine"},
		"preflight/releases":   nil,
		"provision/cluster":    {"preflight/postgres", "preflight/releases"},
		"provision/node":       {"provision/cluster"},
		"deploy/secrets":       {"provision/node"},
		"deploy/definitions":   {"provision/node"},
		"deploy/postgres":      {"deploy/secrets"},
		"deploy/redis":         {"deploy/secrets"},
		"deploy/issuer":        {"deploy/secrets"},
		"deploy/prometheus":    {"deploy/secrets"},
		"deploy/backend":       {"deploy/secrets", "deploy/definitions", "deploy/postgres", "deploy/redis", "deploy/argo-rollouts"},
		"deploy/alertmanager":  {"deploy/secrets"},
		"deploy/blackbox":      {"deploy/secrets"},
		"deploy/argo-rollouts": {"deploy/secrets", "deploy/definitions"},
		"canary/backend":       {"smoke/transaction"},
		"smoke/components":     {"deploy/issuer", "deploy/backend", "deploy/prometheus", "deploy/blackbox", "deploy/alertmanager"},
		"smoke/migrations":     {"smoke/components"},
		"smoke/login":          {"smoke/components"},
		"smoke/transaction":    {"smoke/migrations", "smoke/login"},
		"verify/slo":           {"canary/backend"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := flow.Plan(steps, flow.Selection{}); err != nil {
		t.Errorf("the engine refuses the steps: %v", err)
	}
	for _, step := range steps {
		if step.Deadline == 0 || step.Budget == 0 {
			t.Errorf("%s has no deadline or no budget", step.Name)
		}
	}
}

func TestPhase(t *testing.T) {
	got := map[string][]string{}
	steps := localStack(t).Phase(Smoke)
	for _, step := range steps {
		got[step.Name] = step.DependsOn
	}
	want := map[string][]string{
		"smoke/components":  {},
		"smoke/migrations":  {"smoke/components"},
		"smoke/login":       {"smoke/components"},
		"smoke/transaction": {"smoke/migrations", "smoke/login"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := flow.Plan(steps, flow.Selection{}); err != nil {
		t.Errorf("the engine refuses the steps: %v", err)
	}
	if none := localStack(t).Phase("nothing"); len(none) != 0 {
		t.Errorf("an unknown phase has steps: %v", none)
	}
}

func TestNewRefusesOtherKinds(t *testing.T) {
	_, err := New(Options{Environment: config.Environment{Name: "team", Kind: config.KindKind}})
	if problem := fault.From(err); problem == nil || problem.Code != fault.KindUnsupported || fault.ExitCode(err) != fault.ExitUsage {
		t.Errorf("got %v", err)
	}
}

// TestAWS lists the steps of an environment in AWS that puts nothing on its cluster.
func TestAWS(t *testing.T) {
	s, err := New(Options{
		Environment: config.Environment{Name: "staging", Kind: config.KindAWS, AWS: &config.AWS{
			Account: "123456789012", Region: "eu-west-1", Domain: "staging.example.com", Root: "staging", StateBucket: "state",
		}},
		StateDirectory: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, step := range s.Steps() {
		got[step.Name] = step.DependsOn
		if step.Deadline == 0 || step.Budget == 0 {
			t.Errorf("%s has no deadline or no budget", step.Name)
		}
	}
	want := map[string][]string{
		"preflight/account":   nil,
		"preflight/terraform": nil,
		"preflight/plan":      {"preflight/account", "preflight/terraform"},
		"preflight/releases":  nil,
		"provision/state":     {"preflight/plan", "preflight/releases"},
		"provision/terraform": {"provision/state"},
		"provision/outputs":   {"provision/terraform"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if status := s.platform.status(t.Context()); status.Running || len(status.Components) != 0 {
		t.Errorf("before anything is made: %+v", status)
	}
	if s.Grace() < 10*time.Minute || s.Endpoints()["app"] != "https://staging.example.com" {
		t.Errorf("grace %s, endpoints %v", s.Grace(), s.Endpoints())
	}
}

func TestPredicted(t *testing.T) {
	step := func(name string, budget float64, skip string, depends ...string) Ahead {
		return Ahead{Planned: flow.Planned{Name: name, BudgetSeconds: budget, Skip: skip, DependsOn: depends}}
	}
	ahead := []Ahead{
		step("a/one", 10, ""), step("a/two", 5, ""), step("b/long", 600, "", "a/one", "a/two"),
		step("c/left", 100, "left out", "b/long"), step("c/last", 1, "", "c/left"),
	}
	if got := Predicted(ahead, nil); got != 611*time.Second {
		t.Errorf("got %s", got)
	}
	if got := Predicted(ahead, map[string]time.Duration{"b/long": time.Minute}); got != 71*time.Second {
		t.Errorf("with a known length: %s", got)
	}
}

func TestChoosePods(t *testing.T) {
	pod := func(name, release string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{releaseLabel: release}}}
	}
	pods := []corev1.Pod{pod("backend-1-a", "backend"), pod("backend-1-b", "backend"), pod("postgres-0", "postgres"), pod("postgres", "other")}
	tests := []struct {
		name string
		want []string
	}{
		{"", []string{"backend-1-a", "backend-1-b", "postgres-0", "postgres"}},
		{"backend", []string{"backend-1-a", "backend-1-b"}},
		{"backend-1-b", []string{"backend-1-b"}},
		{"backend-1", []string{"backend-1-a", "backend-1-b"}},
		{"postgres", []string{"postgres"}}, // a pod's own name goes before a release's
		{"nothing", nil},
	}
	for _, test := range tests {
		var got []string
		for _, chosen := range choosePods(pods, test.name) {
			got = append(got, chosen.Name)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", test.name, diff)
		}
	}
}
