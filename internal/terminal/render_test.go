package terminal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/pocctl/pocctl/internal/flow"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64, event flow.Event) flow.Event {
	event.Elapsed = seconds
	event.Time = start.Add(time.Duration(seconds * float64(time.Second)))
	event.Run = "01JGK7Z8Q5WJ4R0000000000AB"
	return event
}

func begun(step string, seconds float64) flow.Event {
	return at(seconds, flow.Event{Kind: flow.StepStarted, Step: step})
}

func waits(step string, seconds float64, what string) flow.Event {
	return at(seconds, flow.Event{Kind: flow.StepWaiting, Step: step, Message: what})
}

func ended(step string, seconds, took float64, status flow.Status, message string) flow.Event {
	return at(seconds, flow.Event{Kind: flow.StepEnded, Step: step, Seconds: took, Status: status, Message: message})
}

// running is a run in the middle of its deploy phase.
func running() []flow.Event {
	var planned []flow.Planned
	for _, name := range []string{
		"preflight/platform", "preflight/ports", "provision/cluster", "deploy/postgres", "deploy/redis",
		"deploy/migrations", "deploy/backend", "smoke/transaction", "canary/promote", "verify/slo",
	} {
		planned = append(planned, flow.Planned{Name: name, BudgetSeconds: 60})
	}
	return []flow.Event{
		at(0, flow.Event{Kind: flow.RunStarted, Env: "local", Command: "up", Budget: 3600, Steps: planned}),
		ended("canary/promote", 0, 0, flow.Skipped, "left out by --skip"),
		begun("preflight/platform", 0),
		begun("preflight/ports", 0),
		ended("preflight/ports", 0.1, 0.1, flow.Passed, "8080 is free"),
		ended("preflight/platform", 0.3, 0.3, flow.Passed, "linux/amd64"),
		begun("provision/cluster", 0.3),
		waits("provision/cluster", 0.4, "the API server"),
		ended("provision/cluster", 3.2, 2.9, flow.Passed, "1 node ready"),
		begun("deploy/postgres", 3.2),
		begun("deploy/redis", 3.2),
		waits("deploy/postgres", 3.3, "statefulset postgres: pod postgres-0 is not ready: readiness probe failed"),
		ended("deploy/redis", 4.4, 1.2, flow.Passed, "release redis 1 deployed"),
	}
}

func play(events ...flow.Event) *state {
	s := &state{}
	for _, event := range events {
		s.apply(event)
	}
	return s
}

func scenes() map[string]*state {
	failure := append(running(),
		ended("deploy/postgres", 64.4, 61.2, flow.Failed, "release postgres: pod postgres-0: CrashLoopBackOff: exit 1: initdb: error: could not create directory \"/data\": No space left on device; look further with: pocctl logs postgres"),
		ended("deploy/migrations", 64.4, 0, flow.Skipped, "needs deploy/postgres, which failed"),
		ended("deploy/backend", 64.4, 0, flow.Skipped, "needs deploy/postgres, which failed"),
		ended("smoke/transaction", 64.4, 0, flow.Skipped, "needs deploy/postgres, which failed"),
		ended("verify/slo", 64.4, 0, flow.Skipped, "needs deploy/postgres, which failed"),
		at(64.4, flow.Event{Kind: flow.RunEnded, Status: flow.Failed, Seconds: 64.4, Message: "deploy/postgres: …"}),
	)
	risk := append(running(), at(100, flow.Event{Kind: flow.BudgetAtRisk, Message: "at this pace it takes 1 h 05 m, not 60 m; still to do: deploy/postgres, verify/slo"}))
	asking := append(running(), at(5, flow.Event{Kind: flow.StepPaused, Step: "deploy/postgres", Message: "Migrate the database?"}))
	cut := append(running(),
		ended("deploy/postgres", 9, 5.8, flow.Interrupted, "interrupted while waiting for statefulset postgres"),
		ended("deploy/migrations", 9, 0, flow.Skipped, "needs deploy/postgres, which was interrupted"),
		ended("deploy/backend", 9, 0, flow.Skipped, "needs deploy/postgres, which was interrupted"),
		ended("smoke/transaction", 9, 0, flow.Skipped, "needs deploy/postgres, which was interrupted"),
		ended("verify/slo", 9, 0, flow.Skipped, "not begun: the run was interrupted"),
		at(9, flow.Event{Kind: flow.RunEnded, Status: flow.Interrupted, Seconds: 9}),
	)
	passed := append(running(), ended("deploy/postgres", 6.4, 3.2, flow.Passed, ""))
	for i, step := range []string{"deploy/migrations", "deploy/backend", "smoke/transaction", "verify/slo"} {
		from := 6.4 + float64(i)*2
		passed = append(passed, begun(step, from), ended(step, from+2, 2, flow.Passed, ""))
	}
	passed = append(passed, at(14.4, flow.Event{Kind: flow.RunEnded, Status: flow.Passed, Seconds: 14.4}))
	return map[string]*state{
		"running": play(running()...), "failed": play(failure...), "risk": play(risk...),
		"asking": play(asking...), "interrupted": play(cut...), "passed": play(passed...),
	}
}

func TestRender(t *testing.T) {
	for name, s := range scenes() {
		for _, width := range []int{40, 80, 200} {
			t.Run(fmt.Sprintf("%s-%d", name, width), func(t *testing.T) {
				lines := render(s, canvas{width: width, now: s.now(s.at.Add(2 * time.Second))})
				for _, line := range lines {
					if got := ansi.StringWidth(line); got >= width {
						t.Errorf("%d columns of %d: %s", got, width, line)
					}
				}
				golden(t, fmt.Sprintf("%s-%d", name, width), strings.Join(lines, "\n")+"\n")
			})
		}
	}
}

func TestRenderColorsChangeNoLetter(t *testing.T) {
	for name, s := range scenes() {
		bare := render(s, canvas{width: 80, now: s.elapsed})
		painted := render(s, canvas{width: 80, now: s.elapsed, styles: NewStyles(true)})
		if got := ansi.Strip(strings.Join(painted, "\n")); got != strings.Join(bare, "\n") {
			t.Errorf("%s: painted\n%s\nbare\n%s", name, got, strings.Join(bare, "\n"))
		}
		if strings.Contains(strings.Join(bare, ""), "\x1b") {
			t.Errorf("%s: sequences without colors", name)
		}
	}
}

func TestRenderFitsEveryScreen(t *testing.T) {
	for name, s := range scenes() {
		for _, width := range []int{1, 2, 9, 17, 33, 41, 60, 61, 80, 130} {
			for _, height := range []int{1, 2, 3, 5, 8, 13, 24} {
				lines := render(s, canvas{width: width, height: height, now: s.elapsed})
				if len(lines) > height {
					t.Fatalf("%s at %dx%d: %d lines", name, width, height, len(lines))
				}
				for _, line := range lines {
					if got := ansi.StringWidth(line); got >= width && got > 0 {
						t.Fatalf("%s at %dx%d: %d columns: %q", name, width, height, got, line)
					}
				}
			}
		}
	}
}

func TestRenderClipped(t *testing.T) {
	s := play(running()...)
	for _, height := range []int{13, 10, 8, 5} {
		t.Run(fmt.Sprint(height), func(t *testing.T) {
			lines := render(s, canvas{width: 80, height: height, now: 5})
			golden(t, fmt.Sprintf("clipped-%d", height), strings.Join(lines, "\n")+"\n")
		})
	}
}

func TestClockStandsStillWhileAsking(t *testing.T) {
	s := scenes()["asking"]
	if got := s.now(start.Add(time.Hour)); got != 5 {
		t.Errorf("the clock says %v s, want 5", got)
	}
	s.apply(at(5, flow.Event{Kind: flow.StepResumed, Step: "deploy/postgres"}))
	if got := s.now(s.at.Add(3 * time.Second)); got != 8 {
		t.Errorf("the clock says %v s, want 8", got)
	}
}

func TestPlain(t *testing.T) {
	events := append(running(),
		at(4.5, flow.Event{Kind: flow.StepInfo, Step: "deploy/postgres", Message: "port 5432 is taken: using 5433"}),
		at(5, flow.Event{Kind: flow.StepPaused, Step: "deploy/postgres", Message: "Migrate the database?"}),
		at(5, flow.Event{Kind: flow.StepResumed, Step: "deploy/postgres"}),
		at(65, flow.Event{Kind: flow.BudgetPassed, Step: "deploy/postgres", Message: "its budget of 1 m has passed"}),
		at(66, flow.Event{Kind: flow.BudgetAtRisk, Message: "at this pace it takes 1 h 05 m, not 60 m"}),
		ended("deploy/postgres", 12345.6, 61.2, flow.Failed, "first line\nsecond line"),
		at(12345.6, flow.Event{Kind: flow.BudgetPassed, Message: "its budget of 60 m has passed"}),
		at(12345.6, flow.Event{Kind: flow.RunEnded, Status: flow.Failed, Seconds: 64.4, Message: "deploy/postgres: first line"}),
	)
	var text strings.Builder
	for _, event := range events {
		line := plainLine(event)
		if strings.Contains(line, "\n") {
			t.Errorf("more than a line: %q", line)
		}
		text.WriteString(line + "\n")
	}
	golden(t, "plain", text.String())
}
