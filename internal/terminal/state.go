package terminal

import (
	"slices"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/flow"
)

// state is a run as its events have told it so far.
type state struct {
	env, command string
	budget       float64 // seconds
	warning      string  // the budget is at risk
	ended        bool
	status       flow.Status

	elapsed float64 // on the run's clock, at the moment at
	at      time.Time
	steps   []*stepState
}

type stepState struct {
	phase, name string // the name without its phase
	running     bool
	status      flow.Status // none until it has ended
	started     float64     // on the run's clock
	seconds     float64
	budget      float64
	message     string // what it waits for, its detail, or its error
	asking      bool   // it waits for a person
}

func (s *state) apply(event flow.Event) {
	s.elapsed, s.at = event.Elapsed, event.Time
	switch event.Kind {
	case flow.RunStarted:
		*s = state{env: event.Env, command: event.Command, budget: event.Budget, elapsed: event.Elapsed, at: event.Time}
		for _, planned := range event.Steps {
			_, name, _ := strings.Cut(planned.Name, "/")
			s.steps = append(s.steps, &stepState{phase: flow.PhaseOf(planned.Name), name: name, budget: planned.BudgetSeconds})
		}
	case flow.BudgetAtRisk:
		s.warning = event.Message
	case flow.RunEnded:
		s.ended, s.status, s.elapsed = true, event.Status, event.Seconds
	}
	step := s.step(event.Step)
	if step == nil {
		return
	}
	switch event.Kind {
	case flow.StepStarted:
		step.running, step.started = true, event.Elapsed
	case flow.StepWaiting:
		step.message = event.Message
	case flow.StepPaused:
		step.asking, step.message = true, event.Message
	case flow.StepResumed:
		step.asking, step.message = false, ""
	case flow.StepEnded:
		step.running, step.asking = false, false
		step.status, step.seconds, step.message = event.Status, event.Seconds, event.Message
	}
}

func (s *state) step(name string) *stepState {
	for _, step := range s.steps {
		if step.phase+"/"+step.name == name {
			return step
		}
	}
	return nil
}

// now is the run's clock: it stands still while all steps at work wait for a person.
func (s *state) now(wall time.Time) float64 {
	running, asking := 0, 0
	for _, step := range s.steps {
		if step.running {
			running++
		}
		if step.asking {
			asking++
		}
	}
	if s.ended || s.at.IsZero() || (asking > 0 && asking == running) {
		return s.elapsed
	}
	return s.elapsed + max(0, wall.Sub(s.at).Seconds())
}

// progress counts the steps that have ended, of those that the run is to do.
func (s *state) progress() (done, all int) {
	for _, step := range s.steps {
		if step.status == flow.Skipped {
			continue
		}
		all++
		if step.status != "" {
			done++
		}
	}
	return done, all
}

// phaseState is the steps of one phase, and what they add up to.
type phaseState struct {
	name    string
	steps   []*stepState
	running bool
	status  flow.Status // none while steps are to come
	seconds float64
}

func (s *state) phases(now float64) []phaseState {
	var phases []phaseState
	for _, step := range s.steps {
		i := slices.IndexFunc(phases, func(p phaseState) bool { return p.name == step.phase })
		if i < 0 {
			i = len(phases)
			phases = append(phases, phaseState{name: step.phase})
		}
		phases[i].steps = append(phases[i].steps, step)
	}
	for i := range phases {
		phases[i].sum(now)
	}
	return phases
}

func (p *phaseState) sum(now float64) {
	first, last := now, 0.0
	seen := map[flow.Status]bool{}
	for _, step := range p.steps {
		seen[step.status] = true
		if step.running {
			p.running = true
			first, last = min(first, step.started), now
		} else if step.status != "" && step.status != flow.Skipped {
			first, last = min(first, step.started), max(last, step.started+step.seconds)
		}
	}
	if seen[""] && seen[flow.Passed] && !seen[flow.Failed] && !seen[flow.Interrupted] {
		p.running, last = true, now // between two of its steps
	}
	p.seconds = max(0, last-first)
	if p.running || (seen[""] && !seen[flow.Failed] && !seen[flow.Interrupted]) {
		return
	}
	for _, status := range []flow.Status{flow.Failed, flow.Interrupted, flow.Skipped, flow.Passed} {
		if seen[status] {
			p.status = status
			return
		}
	}
}
