package flow

import "slices"

type taskState int

const (
	pending taskState = iota
	running
	ended
)

// task is a step within a run.
type task struct {
	step         Step
	dependencies []*task
	skip         string // why the selection leaves it out
	state        taskState
	attempt      *attempt // nil until it is started
	result       StepResult
	endSeconds   float64 // on the run's clock
	err          error
}

func newTasks(steps []Step, planned []Planned) []*task {
	tasks := make([]*task, len(steps))
	byName := make(map[string]*task, len(steps))
	for i, step := range steps {
		tasks[i] = &task{
			step:   step,
			skip:   planned[i].Skip,
			result: StepResult{Name: step.Name, BudgetSeconds: step.Budget.Seconds()},
		}
		byName[step.Name] = tasks[i]
	}
	for _, t := range tasks {
		t.waitFor(t.step.DependsOn, byName)
	}
	return tasks
}

// waitFor adds what the task depends on. What the selection leaves out is taken as
// done, but not what that depends on itself.
func (t *task) waitFor(names []string, byName map[string]*task) {
	for _, name := range names {
		switch dependency := byName[name]; {
		case dependency.skip != "":
			t.waitFor(dependency.step.DependsOn, byName)
		case !slices.Contains(t.dependencies, dependency):
			t.dependencies = append(t.dependencies, dependency)
		}
	}
}

// ready says whether all that the task depends on has ended.
func (t *task) ready() bool {
	return !slices.ContainsFunc(t.dependencies, func(d *task) bool { return d.state != ended })
}

// failedDependency finds the step, however far back, that keeps t from starting.
func (t *task) failedDependency() *task {
	for _, dependency := range t.dependencies {
		switch dependency.result.Status {
		case Failed, Interrupted:
			return dependency
		case Passed:
		default:
			if culprit := dependency.failedDependency(); culprit != nil {
				return culprit
			}
		}
	}
	return nil
}

// reversed gives the steps that take steps back: last first, each depending on
// those that depended on it. Steps without an Undo are left out, and what they
// tied together stays tied.
func reversed(steps []Step) []Step {
	dependents := map[string][]Step{}
	for _, step := range steps {
		for _, name := range step.DependsOn {
			dependents[name] = append(dependents[name], step)
		}
	}
	var waitsFor func(name string, found []string) []string
	waitsFor = func(name string, found []string) []string {
		for _, dependent := range dependents[name] {
			switch {
			case dependent.Undo == nil:
				found = waitsFor(dependent.Name, found)
			case !slices.Contains(found, dependent.Name):
				found = append(found, dependent.Name)
			}
		}
		return found
	}
	var backwards []Step
	for _, step := range slices.Backward(steps) {
		if step.Undo == nil {
			continue
		}
		undo := Step{
			Name:      step.Name,
			DependsOn: waitsFor(step.Name, nil),
			Run:       step.Undo,
			Budget:    step.Budget,
			Deadline:  step.Deadline,
		}
		if step.Describe != nil {
			undo.Describe = func() string { return "take back: " + step.Describe() }
		}
		backwards = append(backwards, undo)
	}
	return backwards
}
