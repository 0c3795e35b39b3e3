package aws

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// Again is how often an apply is begun again after errors that go away by themselves,
// and how long before each time.
func again() []time.Duration {
	return []time.Duration{10 * time.Second, 30 * time.Second, time.Minute}
}

// Applied is what an apply did.
type Applied struct {
	Counts  plan.Counts
	Seconds float64 // of Terraform's apply alone
	// Predicted is what the plan said that it would take, in seconds.
	Predicted float64
}

// Apply makes the environment what its modules say. When ctx ends, Terraform finishes
// what it is at and keeps the state.
func (e *Environment) Apply(ctx context.Context, progress Progress) (Applied, error) {
	return e.apply(ctx, false, progress)
}

// Destroy takes everything away that Terraform has made.
func (e *Environment) Destroy(ctx context.Context, progress Progress) (Applied, error) {
	return e.apply(ctx, true, progress)
}

func (e *Environment) apply(ctx context.Context, destroy bool, progress Progress) (Applied, error) {
	root, remote, err := e.root(ctx)
	if err != nil {
		return Applied{}, err
	}
	if destroy && !remote {
		return Applied{}, nil // without a state there is nothing of Terraform's
	}
	progress.Waiting("terraform init")
	if err := root.Init(ctx); err != nil {
		return Applied{}, err
	}
	durations, err := forecast.Load()
	if err != nil {
		return Applied{}, err
	}
	watch := newWatch(durations, progress)
	there, err := root.Await(ctx, watch.event)
	switch {
	case err != nil:
		return Applied{}, err
	case there:
		progress.Info("an earlier run was killed; its Terraform has ended what it was at")
	}
	var applied Applied
	begun := time.Now()
	for attempt := 0; ; attempt++ {
		planned, order, err := e.plan(ctx, root, e.file(), terraform.PlanOptions{Destroy: destroy}, progress)
		if err != nil {
			return applied, err
		}
		if attempt == 0 {
			applied.Counts = planned.Counts()
			applied.Predicted = forecast.Make(planned, order, durations).Total.Seconds()
			begun = time.Now()
		}
		watch.expect(planned)
		err = root.Apply(ctx, e.file(), watch.event)
		applied.Seconds = time.Since(begun).Seconds()
		var failure *terraform.Failure
		if err == nil || attempt >= len(again()) || !errors.As(err, &failure) || !failure.Passing() || ctx.Err() != nil {
			return applied, err
		}
		progress.Info("%s; this goes away by itself, and is tried again in %s", failure.Error(), again()[attempt])
		select {
		case <-time.After(again()[attempt]):
		case <-ctx.Done():
			return applied, context.Cause(ctx)
		}
	}
}

func (e *Environment) file() string { return filepath.Join(e.work(), "apply.tfplan") }

// InSync says whether Terraform would change nothing, by the last Look.
func (o Overview) InSync() bool { return o.Counts.None() }
