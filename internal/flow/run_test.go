package flow

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []Step{
			step("provision/cluster", takes(3*time.Second)),
			step("deploy/postgres", takes(2*time.Second), "provision/cluster"),
			step("deploy/redis", takes(time.Second), "provision/cluster"),
			step("deploy/app", takes(4*time.Second), "deploy/postgres", "deploy/redis"),
		}
		seen := &recorder{}
		result, err := Run(t.Context(), steps, Options{Observers: []Observer{seen}})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"0 run-started",
			"0 step-started provision/cluster",
			"3 step-ended provision/cluster passed",
			"3 step-started deploy/postgres",
			"3 step-started deploy/redis",
			"4 step-ended deploy/redis passed",
			"5 step-ended deploy/postgres passed",
			"5 step-started deploy/app",
			"9 step-ended deploy/app passed",
			"9 run-ended  passed",
		}
		if diff := cmp.Diff(want, seen.lines(RunStarted, StepStarted, StepEnded, RunEnded)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"provision/cluster", "deploy/postgres", "deploy/app"}, result.CriticalPath); diff != "" {
			t.Error(diff)
		}
		if result.Status != Passed || result.Seconds != 9 || !result.WithinBudget {
			t.Errorf("result %+v", result)
		}
		if deploy := result.Phases[1]; deploy.Seconds != 6 || deploy.Status != Passed {
			t.Errorf("deploy %+v", deploy)
		}
	})
}

func TestRunParallelLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []Step{step("a/1", takes(time.Second)), step("a/2", takes(time.Second)), step("a/3", takes(time.Second))}
		result, err := Run(t.Context(), steps, Options{Parallel: 2})
		if err != nil || result.Seconds != 2 {
			t.Errorf("took %v s, error %v; want 2 s", result.Seconds, err)
		}
	})
}

func TestRunChecksFirst(t *testing.T) {
	ran := map[string]bool{}
	checked := func(name string, so bool, err error) Step {
		return Step{
			Name:  name,
			Check: func(context.Context) (bool, error) { return so, err },
			Run:   func(context.Context, *Log) error { ran[name] = true; return nil },
		}
	}
	steps := []Step{checked("a/so", true, nil), checked("a/not", false, nil), checked("a/unknown", false, errors.New("no answer"))}
	result, err := Run(t.Context(), steps, Options{Parallel: 1})
	want := map[string]string{
		"a/so":      "passed: already so",
		"a/not":     "passed",
		"a/unknown": "failed: check whether it is already so: no answer",
	}
	if diff := cmp.Diff(want, statuses(result)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"a/not": true}, ran); diff != "" {
		t.Error(diff)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "a/unknown: check") {
		t.Errorf("error %v", err)
	}
}

func TestRunFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []Step{
			step("a/bad", fails(time.Second, "boom")),
			step("a/long", takes(5*time.Second)),
			step("b/needs-bad", takes(0), "a/bad"),
			step("b/needs-that", takes(0), "b/needs-bad"),
			step("b/other", takes(0), "a/long"),
		}
		result, err := Run(t.Context(), steps, Options{})
		want := map[string]string{
			"a/bad":        "failed: boom",
			"a/long":       "passed",
			"b/needs-bad":  "skipped: needs a/bad, which failed",
			"b/needs-that": "skipped: needs a/bad, which failed",
			"b/other":      "skipped: not begun: another step failed",
		}
		if diff := cmp.Diff(want, statuses(result)); diff != "" {
			t.Error(diff)
		}
		if err == nil || err.Error() != "a/bad: boom" {
			t.Errorf("error %v", err)
		}
		if result.Status != Failed || result.Seconds != 5 || result.Phases[0].Status != Failed || result.Phases[1].Status != Skipped {
			t.Errorf("result %+v", result)
		}
	})
}

func TestRunSelection(t *testing.T) {
	steps := []Step{step("a/1", fails(0, "not to be run")), step("b/1", takes(0), "a/1"), step("c/1", takes(0), "b/1")}
	result, err := Run(t.Context(), steps, Options{Selection: Selection{Only: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a/1": "skipped: left out by --only b", "b/1": "passed", "c/1": "skipped: left out by --only b"}
	if diff := cmp.Diff(want, statuses(result)); diff != "" {
		t.Error(diff)
	}
}

func TestRunInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		steps := []Step{
			step("a/done", takes(time.Second)),
			step("a/cluster", func(ctx context.Context, log *Log) error {
				log.Waiting("the API server")
				return takes(time.Hour)(ctx, log)
			}),
			step("b/later", takes(0), "a/cluster"),
		}
		result, err := Run(ctx, steps, Options{})
		if err == nil || err.Error() != "interrupted during a/cluster" || fault.ExitCode(err) != fault.ExitInterrupted {
			t.Errorf("error %v, exit %d", err, fault.ExitCode(err))
		}
		want := map[string]string{
			"a/done":    "passed",
			"a/cluster": "interrupted: interrupted while waiting for the API server",
			"b/later":   "skipped: needs a/cluster, which was interrupted",
		}
		if diff := cmp.Diff(want, statuses(result)); diff != "" {
			t.Error(diff)
		}
		if result.Status != Interrupted || result.Seconds != 2 {
			t.Errorf("result %+v", result)
		}
	})
}

func TestRunInterruptedBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := Run(ctx, []Step{step("a/b", takes(0))}, Options{})
	if result.Status != Interrupted || fault.ExitCode(err) != fault.ExitInterrupted {
		t.Errorf("status %s, error %v", result.Status, err)
	}
}

func TestRunDeadline(t *testing.T) {
	own := fault.New(fault.PortBusy, "port", 8080)
	for name, test := range map[string]struct {
		run     func(context.Context, *Log) error
		message string
		fix     string
	}{
		"says what for": {
			func(ctx context.Context, log *Log) error {
				log.Waiting("the API server")
				time.Sleep(3 * time.Second)
				log.Waiting("%d pods", 3)
				<-ctx.Done()
				return ctx.Err()
			},
			"a/slow did not end within 10 s; it was waiting for 3 pods (for 7.0 s)", "pocctl status",
		},
		"says nothing": {takes(time.Hour), "a/slow did not end within 10 s; it was waiting for nothing that it named", "pocctl status"},
		"has its own advice": {
			func(ctx context.Context, _ *Log) error { <-ctx.Done(); return own.Because(ctx.Err()) },
			"a/slow did not end within 10 s; it was waiting for nothing that it named: port 8080 is in use",
			"stop what listens there",
		},
		"does not listen": {
			func(context.Context, *Log) error { time.Sleep(time.Minute); return nil },
			"a/slow did not end within 10 s; it was waiting for nothing that it named: did not stop within 5 s of being told to", "pocctl status",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := step("a/slow", test.run)
				slow.Deadline = 10 * time.Second
				result, err := Run(t.Context(), []Step{slow}, Options{Grace: 5 * time.Second})
				got := fault.From(err)
				if got == nil || got.Code != fault.StepTimeout || got.Message != test.message || !strings.Contains(got.Fix, test.fix) {
					t.Errorf("error %+v", got)
				}
				if result.Status != Failed {
					t.Errorf("status %s", result.Status)
				}
				time.Sleep(time.Hour) // let the deaf one end within the bubble
			})
		})
	}
}

func TestRunPanic(t *testing.T) {
	for name, run := range map[string]func(context.Context, *Log) error{
		"panic":      func(context.Context, *Log) error { panic("boom") },
		"runtime":    func(context.Context, *Log) error { return []error{}[len(os.Args)] },
		"panic(err)": func(context.Context, *Log) error { panic(errors.New("boom")) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), []Step{step("a/b", run)}, Options{})
			if err == nil || !strings.Contains(err.Error(), "a/b: panic: ") || !strings.Contains(err.Error(), "run_test.go:") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRunJoinsFailuresSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Run(t.Context(), []Step{step("a/1", fails(time.Second, "one")), step("a/2", fails(2*time.Second, "two"))}, Options{})
		if err == nil || err.Error() != "a/1: one\na/2: two" {
			t.Errorf("error %v", err)
		}
	})
}

func TestRunHearsNothingAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		var kept *Log
		_, err := Run(t.Context(), []Step{step("a/b", func(_ context.Context, log *Log) error { kept = log; return nil })}, Options{Observers: []Observer{seen}})
		if err != nil {
			t.Fatal(err)
		}
		before := len(seen.events)
		kept.Info("late")
		kept.Waiting("late")
		kept.Pause("late")()
		if len(seen.events) != before {
			t.Errorf("late events: %v", seen.events[before:])
		}
	})
}

func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		undo := func(name string, undo func(context.Context, *Log) error, dependsOn ...string) Step {
			return Step{Name: name, DependsOn: dependsOn, Undo: undo, Run: fails(0, "never to be run")}
		}
		steps := []Step{
			undo("provision/network", takes(time.Second)),
			undo("provision/cluster", fails(time.Second, "still there"), "provision/network"),
			{Name: "deploy/wait", DependsOn: []string{"provision/cluster"}, Run: takes(0)},
			undo("deploy/app", takes(time.Second), "deploy/wait"),
			undo("deploy/redis", fails(2*time.Second, "busy"), "provision/cluster"),
		}
		seen := &recorder{}
		result, err := Undo(t.Context(), steps, Options{Command: "down", Observers: []Observer{seen}})
		want := []string{
			"0 step-started deploy/redis",
			"0 step-started deploy/app",
			"1 step-ended deploy/app passed",
			"2 step-ended deploy/redis failed",
			"2 step-started provision/cluster",
			"3 step-ended provision/cluster failed",
			"3 step-started provision/network",
			"4 step-ended provision/network passed",
		}
		if diff := cmp.Diff(want, seen.lines(StepStarted, StepEnded)); diff != "" {
			t.Error(diff)
		}
		if err == nil || err.Error() != "deploy/redis: busy\nprovision/cluster: still there" || result.Status != Failed {
			t.Errorf("status %s, error %v", result.Status, err)
		}
	})
}

func TestLogWithoutEngine(t *testing.T) {
	for _, log := range []*Log{nil, {}} {
		log.Waiting("a")
		log.Info("b")
		log.Detail("c")
		log.Pause("d")()
	}
}

// A phase left out in the middle ties what comes after it to what came before.
func TestSkippedPhaseStillOrders(t *testing.T) {
	done := false
	steps := []Step{
		step("a/slow", func(ctx context.Context, log *Log) error {
			err := takes(20*time.Millisecond)(ctx, log)
			done = true
			return err
		}),
		step("b/left-out", fails(0, "it ran"), "a/slow"),
		step("c/last", func(context.Context, *Log) error {
			if !done {
				return errors.New("it did not wait")
			}
			return nil
		}, "b/left-out"),
	}
	result, err := Run(t.Context(), steps, Options{Selection: Selection{Skip: []string{"b"}}})
	if err != nil || statuses(result)["b/left-out"] != "skipped: left out by --skip b" {
		t.Errorf("%v: %v", err, statuses(result))
	}
}
