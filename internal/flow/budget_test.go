package flow

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func budgeted(name string, run func(context.Context, *Log) error, budget time.Duration, dependsOn ...string) Step {
	return Step{Name: name, Run: run, Budget: budget, DependsOn: dependsOn}
}

func TestBudgetAtRisk(t *testing.T) {
	// Two minutes and one minute planned, in a budget of four: the first one
	// may lose a minute before the whole is at risk.
	steps := func(first time.Duration) []Step {
		return []Step{
			budgeted("a/1", takes(first), 2*time.Minute),
			budgeted("a/side", takes(time.Second), time.Second),
			budgeted("b/2", takes(time.Minute), time.Minute, "a/1"),
		}
	}
	for name, test := range map[string]struct {
		first   time.Duration
		typical map[string]time.Duration
		at      float64 // seconds; 0 is never
		within  bool
	}{
		"on time":          {2 * time.Minute, nil, 0, true},
		"late within":      {3 * time.Minute, nil, 0, true},
		"late":             {10 * time.Minute, nil, 181, false},
		"known to be slow": {2 * time.Minute, map[string]time.Duration{"a/1": 5 * time.Minute}, 1e-9, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := &recorder{}
				result, err := Run(t.Context(), steps(test.first), Options{Budget: 4 * time.Minute, Typical: test.typical, Observers: []Observer{seen}})
				if err != nil {
					t.Fatal(err)
				}
				event, said := seen.first(BudgetAtRisk)
				if said != (test.at > 0) || (said && int(event.Elapsed) != int(test.at)) {
					t.Errorf("at risk %v at %v s (%s), want at %v s", said, event.Elapsed, event.Message, test.at)
				}
				if said && !strings.Contains(event.Message, "b/2") {
					t.Errorf("message %q does not name what is left", event.Message)
				}
				if result.WithinBudget != test.within {
					t.Errorf("within budget: %v", result.WithinBudget)
				}
			})
		})
	}
}

func TestBudgetPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		result, err := Run(t.Context(), []Step{
			budgeted("a/1", takes(5*time.Second), 3*time.Second),
			budgeted("a/2", takes(time.Second), time.Second),
		}, Options{Budget: 4 * time.Second, Observers: []Observer{seen}})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(seen.lines(BudgetPassed), ", ")
		if want := "4 budget-passed a/1, 4 budget-passed a, 5 budget-passed"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if result.WithinBudget || result.Phases[0].BudgetSeconds != 3 {
			t.Errorf("result %+v", result)
		}
	})
}

func TestPauseStopsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asks := step("a/ask", func(ctx context.Context, log *Log) error {
			resume := log.Pause("go on?")
			time.Sleep(time.Hour)
			resume()
			resume() // twice is once
			return takes(2*time.Second)(ctx, log)
		})
		asks.Deadline = 5 * time.Second
		result, err := Run(t.Context(), []Step{asks, step("a/side", takes(3*time.Second))}, Options{Budget: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		// The three seconds beside the question are work; the rest of the hour is not.
		if result.Seconds != 5 || !result.WithinBudget {
			t.Errorf("took %v s, within budget %v; want 5 s", result.Seconds, result.WithinBudget)
		}
		if got := result.Phases[0].Steps[0].Seconds; got != 2 {
			t.Errorf("the asking step took %v s, want 2", got)
		}
	})
}

func TestDeadlineAfterPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asks := step("a/ask", func(ctx context.Context, log *Log) error {
			time.Sleep(4 * time.Second)
			resume := log.Pause("go on?")
			time.Sleep(time.Hour)
			resume()
			return takes(time.Minute)(ctx, log)
		})
		asks.Deadline = 5 * time.Second
		result, err := Run(t.Context(), []Step{asks}, Options{})
		if err == nil || result.Seconds != 5 {
			t.Errorf("took %v s, error %v; want the deadline at 5 s", result.Seconds, err)
		}
	})
}
