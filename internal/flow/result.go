package flow

import (
	"slices"
	"time"
)

func (r *run) result(started time.Time, interrupted bool) Result {
	result := Result{
		Run:           r.feed.run,
		Env:           r.options.Env,
		Command:       r.options.Command,
		Status:        Passed,
		Started:       started,
		Seconds:       seconds(r.clock.elapsed()),
		BudgetSeconds: r.options.Budget.Seconds(),
		Phases:        []PhaseResult{},
	}
	switch {
	case interrupted:
		result.Status = Interrupted
	case r.failed():
		result.Status = Failed
	}
	result.WithinBudget = r.options.Budget <= 0 || result.Seconds <= result.BudgetSeconds
	for _, phase := range phasesOf(r.tasks) {
		result.Phases = append(result.Phases, r.phaseResult(phase))
	}
	result.CriticalPath, _ = longest(r.tasks, func(t *task) time.Duration { return ofSeconds(t.result.Seconds) })
	if result.CriticalPath == nil {
		result.CriticalPath = []string{}
	}
	return result
}

func (r *run) phaseResult(phase string) PhaseResult {
	sum := PhaseResult{
		Name:          phase,
		BudgetSeconds: r.budgets.phases[phase].Seconds(),
		Seconds:       seconds(r.phaseElapsed(phase, r.clock.elapsed())),
	}
	seen := map[Status]bool{}
	for _, t := range r.tasks {
		if PhaseOf(t.step.Name) == phase {
			sum.Steps = append(sum.Steps, t.result)
			seen[t.result.Status] = true
		}
	}
	// A phase has passed only if all of it has.
	for _, status := range []Status{Failed, Interrupted, Skipped, Passed} {
		if seen[status] {
			sum.Status = status
			break
		}
	}
	return sum
}

func phasesOf(tasks []*task) []string {
	var phases []string
	for _, t := range tasks {
		if phase := PhaseOf(t.step.Name); !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
	}
	return phases
}
