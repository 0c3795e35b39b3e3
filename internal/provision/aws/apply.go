package aws

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/pocctl/pocctl/internal/duration"
	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// usualAgain is how often an apply is begun again after errors that go away by
// themselves, and how long before each time.
func usualAgain() []time.Duration {
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
	root, err := e.setUp(ctx, progress)
	if err != nil {
		return Applied{}, err
	}
	if destroy && !root.remote {
		return Applied{}, nil // without a state there is nothing of Terraform's
	}
	durations, err := forecast.Load()
	if err != nil {
		return Applied{}, err
	}
	e.mu.Lock()
	planned := e.planned
	e.planned = nil // it can be applied once
	e.mu.Unlock()
	watch := newWatch(durations, progress)
	there, err := await(ctx, root, watch)
	if err != nil {
		return Applied{}, err
	}
	if destroy || there {
		planned = nil
	}
	return e.applyAgain(ctx, root, planned, destroy, watch)
}

// Await waits for the Terraform of an earlier run that was killed, if it is still at
// work: until it ends, no plan is worth anything.
func (e *Environment) Await(ctx context.Context, progress Progress) error {
	root, err := e.setUp(ctx, progress)
	if err != nil {
		return err
	}
	durations, err := forecast.Load()
	if err != nil {
		return err
	}
	_, err = await(ctx, root, newWatch(durations, progress))
	return err
}

func await(ctx context.Context, root *root, watch *watch) (there bool, err error) {
	if there, err = root.Await(ctx, watch.event); err == nil && there {
		watch.progress.Info("an earlier run was killed; its Terraform has ended what it was at")
	}
	return there, err
}

// applyAgain applies planned, or plans before, until it passes or fails with what does
// not go away by itself.
func (e *Environment) applyAgain(ctx context.Context, root *root, planned *looked, destroy bool, watch *watch) (applied Applied, err error) {
	var begun time.Time
	for attempt := 0; ; {
		if planned == nil {
			planned = &looked{file: filepath.Join(e.work(), "apply.tfplan")}
			planned.plan, planned.order, err = e.plan(ctx, root, planned.file, terraform.PlanOptions{Destroy: destroy}, watch.progress)
			if err != nil {
				return applied, err
			}
		}
		if begun.IsZero() {
			applied.Counts = planned.plan.Counts()
			applied.Predicted = forecast.Make(planned.plan, planned.order, watch.durations).Total.Seconds()
			begun = time.Now()
		}
		watch.expect(planned.plan)
		err = root.Apply(ctx, planned.file, watch.event)
		applied.Seconds = time.Since(begun).Seconds()
		planned = nil
		var failure *terraform.Failure
		switch {
		case err == nil || ctx.Err() != nil || !errors.As(err, &failure):
			return applied, err
		case failure.Stale(): // something else has changed the state since
			begun = time.Time{}
			continue
		case !failure.Passing() || attempt >= len(e.options.Again):
			return applied, err
		}
		watch.progress.Info("%s; this goes away by itself, and is tried again in %s", failure.Error(), duration.Round(e.options.Again[attempt]))
		select {
		case <-time.After(e.options.Again[attempt]):
		case <-ctx.Done():
			return applied, context.Cause(ctx)
		}
		attempt++
	}
}

// InSync says whether Terraform would change nothing.
func (o Overview) InSync() bool { return o.Counts.None() }
