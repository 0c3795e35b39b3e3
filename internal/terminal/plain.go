package terminal

import (
	"fmt"
	"strings"

	"github.com/pocctl/pocctl/internal/flow"
)

// plainLine writes an event as one line for logs and for grep:
//
//	[    2.9s] passed    provision/cluster  2.9s  1 node ready
//
// An event that is not worth a line gives "".
func plainLine(event flow.Event) string {
	line := func(word, what string, rest ...string) string {
		parts := []string{fmt.Sprintf("[%8.1fs] %-11s", event.Elapsed, word)}
		for _, part := range append([]string{what}, rest...) {
			if part != "" {
				parts = append(parts, strings.ReplaceAll(strings.TrimSpace(part), "\n", "; "))
			}
		}
		return parts[0] + " " + strings.Join(parts[1:], "  ")
	}
	spent := fmt.Sprintf("%.1fs", event.Seconds)
	switch event.Kind {
	case flow.RunStarted:
		rest := fmt.Sprintf("%d steps", len(event.Steps))
		if event.Budget > 0 {
			rest += ", budget " + Budget(event.Budget)
		}
		return line("run", strings.TrimSpace(event.Command+" "+event.Env), event.Run, rest)
	case flow.StepStarted:
		return line("start", event.Step)
	case flow.StepWaiting:
		return line("waiting", event.Step, event.Message)
	case flow.StepInfo:
		return line("info", event.Step, event.Message)
	case flow.StepPaused:
		return line("asking", event.Step, event.Message)
	case flow.StepResumed:
		return line("answered", event.Step)
	case flow.StepEnded:
		if event.Status == flow.Skipped {
			return line("skipped", event.Step, event.Message)
		}
		return line(string(event.Status), event.Step, spent, event.Message)
	case flow.BudgetAtRisk:
		return line("budget", "at risk", event.Message)
	case flow.BudgetPassed:
		what := event.Step
		if what == "" {
			what = "run"
		}
		return line("budget", what, event.Message)
	case flow.RunEnded:
		return line(string(event.Status), "run", spent, event.Message)
	default:
		return ""
	}
}
