package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
)

// Selection limits a run to some phases, in the order in which the steps first
// name them. The zero value selects all.
type Selection struct {
	From string   // this phase and those after it
	Only string   // this phase alone
	Skip []string // all but these phases, those that aren't there passed over
}

// PhaseOf gives the phase of a step's name: "provision" of "provision/network".
func PhaseOf(step string) string {
	phase, _, _ := strings.Cut(step, "/")
	return phase
}

// Phases lists the phases of steps in order of first appearance.
func Phases(steps []Step) []string {
	var phases []string
	for _, step := range steps {
		if phase := PhaseOf(step.Name); !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
	}
	return phases
}

// Plan checks steps and selection and describes what Run would do with them. An
// unknown phase is a fault.Usage; any other error is a mistake in the steps.
func Plan(steps []Step, selection Selection) ([]Planned, error) {
	if err := check(steps); err != nil {
		return nil, err
	}
	skip, err := selection.skips(steps)
	if err != nil {
		return nil, err
	}
	planned := make([]Planned, len(steps))
	for i, step := range steps {
		planned[i] = Planned{
			Name:          step.Name,
			DependsOn:     step.DependsOn,
			BudgetSeconds: step.Budget.Seconds(),
			Skip:          skip[step.Name],
		}
		if step.Describe != nil {
			planned[i].Describe = step.Describe()
		}
	}
	return planned, nil
}

// skips says of each step outside the selection why it is left out.
func (s Selection) skips(steps []Step) (map[string]string, error) {
	phases := Phases(steps)
	if s.From != "" && s.Only != "" {
		return nil, usage("--from and --only exclude each other")
	}
	for _, name := range []string{s.From, s.Only} {
		if name != "" && !slices.Contains(phases, name) {
			return nil, usage(fmt.Sprintf("there is no phase named %q: use one of %s", name, strings.Join(phases, ", ")))
		}
	}
	skip := map[string]string{}
	for _, step := range steps {
		phase := PhaseOf(step.Name)
		switch {
		case s.Only != "" && phase != s.Only:
			skip[step.Name] = "left out by --only " + s.Only
		case slices.Contains(s.Skip, phase):
			skip[step.Name] = "left out by --skip " + phase
		case s.From != "" && slices.Index(phases, phase) < slices.Index(phases, s.From):
			skip[step.Name] = "left out by --from " + s.From
		}
	}
	return skip, nil
}

func usage(detail string) error {
	return fault.New(fault.Usage, "detail", detail, "command", "pocctl")
}

// check refuses steps whose names or dependencies make no plan.
func check(steps []Step) error {
	index := make(map[string]int, len(steps))
	for i, step := range steps {
		phase, rest, found := strings.Cut(step.Name, "/")
		if !found || phase == "" || rest == "" || strings.ContainsAny(rest, "/ \t\n") || strings.ContainsAny(phase, " \t\n") {
			return fmt.Errorf("step name %q: want phase/step", step.Name)
		}
		if _, twice := index[step.Name]; twice {
			return fmt.Errorf("step %s: named twice", step.Name)
		}
		if step.Run == nil {
			return fmt.Errorf("step %s: nothing to run", step.Name)
		}
		index[step.Name] = i
	}
	const (
		onPath = 1
		done   = 2
	)
	state := make([]int, len(steps))
	var visit func(i int, path []string) error
	visit = func(i int, path []string) error {
		path = append(path, steps[i].Name)
		switch state[i] {
		case done:
			return nil
		case onPath:
			start := slices.Index(path, steps[i].Name)
			return fmt.Errorf("steps depend on each other in a circle: %s", strings.Join(path[start:], " -> "))
		}
		state[i] = onPath
		for _, name := range steps[i].DependsOn {
			dependency, known := index[name]
			if !known {
				return fmt.Errorf("step %s: depends on %s, which does not exist", steps[i].Name, name)
			}
			if err := visit(dependency, path); err != nil {
				return err
			}
		}
		state[i] = done
		return nil
	}
	for i := range steps {
		if err := visit(i, nil); err != nil {
			return err
		}
	}
	return nil
}
