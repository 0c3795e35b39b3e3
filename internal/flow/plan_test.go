package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestPlanRefusesBadSteps(t *testing.T) {
	nothing := takes(0)
	for name, test := range map[string]struct {
		steps []Step
		want  string
	}{
		"no phase":           {[]Step{step("cluster", nothing)}, `step name "cluster": want phase/step`},
		"empty step":         {[]Step{step("provision/", nothing)}, `step name "provision/": want phase/step`},
		"two slashes":        {[]Step{step("a/b/c", nothing)}, `step name "a/b/c": want phase/step`},
		"twice":              {[]Step{step("a/b", nothing), step("a/b", nothing)}, "step a/b: named twice"},
		"unknown dependency": {[]Step{step("a/b", nothing, "a/x")}, "step a/b: depends on a/x, which does not exist"},
		"nothing to run":     {[]Step{step("a/b", nil)}, "step a/b: nothing to run"},
		"circle": {
			[]Step{step("a/start", nothing, "a/b"), step("a/b", nothing, "a/c"), step("a/c", nothing, "a/b")},
			"steps depend on each other in a circle: a/b -> a/c -> a/b",
		},
		"itself": {[]Step{step("a/b", nothing, "a/b")}, "steps depend on each other in a circle: a/b -> a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &recorder{}
			_, err := Run(t.Context(), test.steps, Options{Observers: []Observer{seen}})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if len(seen.events) > 0 {
				t.Errorf("events before the refusal: %v", seen.events)
			}
		})
	}
}

func TestPlanSelection(t *testing.T) {
	steps := []Step{
		step("preflight/platform", takes(0)),
		step("provision/cluster", takes(0), "preflight/platform"),
		step("deploy/app", takes(0), "provision/cluster"),
	}
	for name, test := range map[string]struct {
		selection Selection
		want      []string // left out
		refused   string
	}{
		"all":       {},
		"from":      {Selection{From: "provision"}, []string{"preflight/platform"}, ""},
		"only":      {Selection{Only: "provision"}, []string{"preflight/platform", "deploy/app"}, ""},
		"skip":      {Selection{From: "provision", Skip: []string{"deploy", "canary"}}, []string{"preflight/platform", "deploy/app"}, ""},
		"both":      {Selection{From: "deploy", Only: "deploy"}, nil, "exclude"},
		"from none": {Selection{From: "canary"}, nil, `no phase named "canary": use one of preflight, provision, deploy`},
		"only none": {Selection{Only: "canary"}, nil, `no phase named "canary": use one of preflight, provision, deploy`},
	} {
		t.Run(name, func(t *testing.T) {
			planned, err := Plan(steps, test.selection)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) || fault.ExitCode(err) != fault.ExitUsage {
					t.Errorf("error %v (exit %d), want %s", err, fault.ExitCode(err), test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, p := range planned {
				if p.Skip != "" {
					left = append(left, p.Name)
				}
			}
			if diff := cmp.Diff(test.want, left); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanDescribes(t *testing.T) {
	described := step("a/b", takes(0))
	described.Describe = func() string { return "make b" }
	described.Budget = 90 * time.Second
	got, err := Plan([]Step{described}, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Planned{{Name: "a/b", Describe: "make b", BudgetSeconds: 90}}, got); diff != "" {
		t.Error(diff)
	}
}
