package stack

import (
	"context"
	"errors"
	"time"

	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/flow"
)

// Ahead is a step as a plan shows it, with what the world says of it now.
type Ahead struct {
	flow.Planned
	// Done says that the step would find nothing to do.
	Done bool `json:"done"`
}

// Ahead lists what up would do. It asks each step's Check and changes nothing;
// a Check that cannot be answered yet counts as not done.
func (s *Stack) Ahead(ctx context.Context, selection flow.Selection) ([]Ahead, error) {
	steps := s.Steps() //nolint:contextcheck // what describes steps asks nobody
	planned, err := flow.Plan(steps, selection)
	if err != nil {
		return nil, err
	}
	checks := map[string]func(context.Context) (bool, error){}
	for _, step := range steps {
		checks[step.Name] = step.Check
	}
	up := s.platform.status(ctx).Running
	ahead := make([]Ahead, len(planned))
	for i, step := range planned {
		ahead[i].Planned = step
		if check := checks[step.Name]; up && check != nil && step.Skip == "" {
			done, err := check(ctx)
			ahead[i].Done = done && err == nil
		}
	}
	return ahead, nil
}

// Predicted is how long the steps take along their longest way, by their budgets, but
// for those that known gives a length for. Steps that are left out take no time.
func Predicted(ahead []Ahead, known map[string]time.Duration) time.Duration {
	steps := map[string]Ahead{}
	for _, step := range ahead {
		steps[step.Name] = step
	}
	ends := map[string]time.Duration{}
	var end func(name string) time.Duration
	end = func(name string) time.Duration {
		if at, found := ends[name]; found {
			return at
		}
		step := steps[name]
		var begin time.Duration
		for _, other := range step.DependsOn {
			begin = max(begin, end(other))
		}
		length, is := known[name]
		if !is {
			length = time.Duration(step.BudgetSeconds * float64(time.Second))
		}
		if step.Skip != "" {
			length = 0
		}
		ends[name] = begin + length
		return ends[name]
	}
	var last time.Duration
	for _, step := range ahead {
		last = max(last, end(step.Name))
	}
	return last
}

// Diff says what each release would change.
func (s *Stack) Diff(ctx context.Context) ([]*deploy.Diff, error) {
	if err := s.FetchCharts(ctx); err != nil {
		return nil, err
	}
	up := s.platform.status(ctx).Running
	diffs := make([]*deploy.Diff, 0, len(s.options.Environment.Releases))
	for _, wanted := range s.options.Environment.Releases {
		release, err := s.release(wanted)
		if errors.Is(err, errNoOutputs) {
			diffs = append(diffs, &deploy.Diff{Release: wanted.Name, Namespace: wanted.Namespace, Changes: []deploy.Change{}, Later: true})
			continue
		}
		if err != nil {
			return nil, err
		}
		var diff *deploy.Diff
		if up {
			var client *deploy.Client
			if client, err = s.Deployer(); err == nil {
				diff, err = client.Diff(ctx, release)
			}
		} else {
			diff, err = deploy.DiffNew(release)
		}
		if err != nil {
			return nil, err
		}
		diffs = append(diffs, diff)
	}
	return diffs, nil
}
