package flow

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/duration"
)

// budgetWatch says, once each, when a step, a phase or the run has passed its
// budget, and when the run is going to.
type budgetWatch struct {
	whole   time.Duration
	typical map[string]time.Duration
	phases  map[string]time.Duration
	said    map[string]bool
}

func newBudgetWatch(options Options, tasks []*task) budgetWatch {
	return budgetWatch{
		whole:   options.Budget,
		typical: options.Typical,
		phases:  phaseBudgets(tasks),
		said:    map[string]bool{},
	}
}

// phaseBudgets adds up, for each phase, the budgets along its longest way:
// steps side by side share their time.
func phaseBudgets(tasks []*task) map[string]time.Duration {
	budgets := map[string]time.Duration{}
	for _, t := range tasks {
		phase := PhaseOf(t.step.Name)
		if _, seen := budgets[phase]; seen {
			continue
		}
		_, budgets[phase] = longest(tasks, func(t *task) time.Duration {
			if PhaseOf(t.step.Name) != phase {
				return 0
			}
			return t.step.Budget
		})
	}
	return budgets
}

func (r *run) watchBudgets() {
	elapsed := r.clock.elapsed()
	for _, t := range r.tasks {
		if t.attempt != nil && t.step.Budget > 0 && t.attempt.voice.elapsed() > t.step.Budget {
			r.passed(t.step.Name, t.step.Budget)
		}
	}
	for _, phase := range phasesOf(r.tasks) {
		if budget := r.budgets.phases[phase]; budget > 0 && r.phaseElapsed(phase, elapsed) > budget {
			r.passed(phase, budget)
		}
	}
	if r.budgets.whole <= 0 {
		return
	}
	if elapsed > r.budgets.whole {
		r.budgets.said["at risk"] = true // too late to warn
		r.passed("", r.budgets.whole)
		return
	}
	path, left := longest(r.tasks, r.budgets.remaining)
	if end := elapsed + left; end > r.budgets.whole && !r.budgets.said["at risk"] {
		r.budgets.said["at risk"] = true
		r.feed.emit(Event{Kind: BudgetAtRisk, Budget: r.budgets.whole.Seconds(), Message: fmt.Sprintf(
			"at this pace it takes %s, not %s; still to do: %s",
			duration.Text(end), duration.Round(r.budgets.whole), strings.Join(path, ", "))})
	}
}

func (r *run) passed(what string, budget time.Duration) {
	if r.budgets.said["passed "+what] {
		return
	}
	r.budgets.said["passed "+what] = true
	r.feed.emit(Event{
		Kind: BudgetPassed, Step: what, Budget: budget.Seconds(),
		Message: fmt.Sprintf("its budget of %s has passed", duration.Round(budget)),
	})
}

// phaseElapsed is the time since the phase's first step began, while one is left.
func (r *run) phaseElapsed(phase string, now time.Duration) time.Duration {
	var first, last float64
	begun, open := false, false
	for _, t := range r.tasks {
		if PhaseOf(t.step.Name) != phase {
			continue
		}
		open = open || t.state != ended
		if t.attempt == nil {
			continue
		}
		if !begun || t.result.StartSeconds < first {
			first = t.result.StartSeconds
		}
		begun = true
		last = max(last, t.endSeconds)
	}
	switch {
	case !begun:
		return 0
	case open:
		return now - ofSeconds(first)
	default:
		return ofSeconds(last - first)
	}
}

// remaining is how long the step is expected to take from now.
func (b budgetWatch) remaining(t *task) time.Duration {
	expected, known := b.typical[t.step.Name]
	if !known {
		expected = t.step.Budget
	}
	switch t.state {
	case pending:
		return expected
	case running:
		return max(0, expected-t.attempt.voice.elapsed())
	default:
		return 0
	}
}

// longest finds the way through the tasks whose lengths add up highest, by name
// and without those of length zero; the first of equals in the tasks' order.
func longest(tasks []*task, length func(*task) time.Duration) ([]string, time.Duration) {
	total := map[*task]time.Duration{}
	before := map[*task]*task{}
	var measure func(*task) time.Duration
	measure = func(t *task) time.Duration {
		if sum, known := total[t]; known {
			return sum
		}
		var most time.Duration
		for _, dependency := range t.dependencies {
			if sum := measure(dependency); sum > most {
				most, before[t] = sum, dependency
			}
		}
		total[t] = most + length(t)
		return total[t]
	}
	var last *task
	for _, t := range tasks {
		if measure(t) > total[last] {
			last = t
		}
	}
	var path []string
	for t := last; t != nil; t = before[t] {
		if length(t) > 0 {
			path = append(path, t.step.Name)
		}
	}
	slices.Reverse(path)
	return path, total[last]
}

func ofSeconds(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
