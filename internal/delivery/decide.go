package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/canary"
)

// margin is how long before the end of the last step a verdict has to be there, and half
// of a short one: the step began up to two looks before that is noticed.
const margin = 3 * time.Second

// backTimeout bounds the way back, which goes on after an interrupt.
const backTimeout = 2 * time.Minute

// decide keeps the canary at its last step until its figures are good: the
// controller would let it through when the time is up. One that another pocctl left
// waiting is taken up; one that a person holds is theirs.
func (f *follower) decide(ctx context.Context, state rollout.State) (over bool, err error) {
	spent, passes := f.Now().Sub(f.step.since), f.step.verdict.Outcome == canary.Pass
	switch {
	case state.Awaited && passes:
		return false, f.Rollouts.Hold(ctx, f.Name, false)
	case state.Awaited && spent > state.Pause+f.Patience:
		return true, f.unmeasured(ctx, f.step.verdict.Reason)
	case state.Awaited && !f.step.overdue && spent > state.Pause:
		f.step.overdue = true
		f.Progress.Info("held at %d%% of the requests, until its figures tell more", state.Weight)
	case !state.Held && f.step.last && state.Pause > 0 && !passes && spent > state.Pause-min(margin, state.Pause/2):
		return false, f.Rollouts.Await(ctx, f.Name, f.result.To)
	}
	return false, nil
}

// ended is the end that everybody wants, if there were figures for it.
func (f *follower) ended(ctx context.Context, state rollout.State) (over bool, err error) {
	if state.Stable == f.result.From {
		return true, f.rolledBack("somebody went back to the version before")
	}
	if !state.Whole() {
		f.Progress.Waiting("the stable version to end: %s", state)
		return false, nil
	}
	f.result.Promoted, f.result.Weight = true, 100
	switch verdict := f.result.Verdict; {
	case verdict.Outcome == canary.Pass:
	case f.step.last:
		return true, fault.New(fault.CanaryUnjudged, "release", f.Name, "detail", cmp.Or(verdict.Reason, "no figures"))
	default: // of the steps that are left, nobody skips any but a person
		f.Progress.Detail("promoted by hand at %d%% of the requests, after %s", f.step.weight, f.Now().Sub(f.began).Round(time.Second))
		return true, nil
	}
	if err := f.Rollouts.Prove(ctx, f.Name, state.Stable); err != nil {
		return true, err
	}
	f.Progress.Detail("promoted after %s: %s", f.Now().Sub(f.began).Round(time.Second), f.result.Verdict.Reason)
	return true, nil
}

// blind is a look without figures. They may come back for a while; then the canary
// is taken back, and each reason is told apart.
func (f *follower) blind(ctx context.Context, cause error) error {
	now := f.Now()
	if f.away.IsZero() {
		f.away = now
	}
	f.blindness = cause
	f.Progress.Waiting("figures, for %s now: %v", now.Sub(f.away).Round(time.Second), cause)
	if now.Sub(f.away) < f.Patience {
		return nil
	}
	if errors.Is(cause, canary.ErrNoSeries) || errors.Is(cause, canary.ErrBadSample) {
		return f.unmeasured(ctx, cause.Error())
	}
	return errors.Join(fault.New(fault.MetricsAway, "release", f.Name, "detail", cause, "next", f.Next), f.goBack(ctx))
}

// takeBack is our own verdict against the canary.
func (f *follower) takeBack(ctx context.Context, why string) error {
	return errors.Join(f.rolledBack(why), f.goBack(ctx))
}

// unmeasured takes back what nothing can be said of.
func (f *follower) unmeasured(ctx context.Context, why string) error {
	return errors.Join(fault.New(fault.CanaryUnmeasured, "release", f.Name, "detail", why,
		"fix", "send it more requests, or look whether Prometheus knows its series: "+f.Next), f.goBack(ctx))
}

// takenBack explains what the controller, or a person, decided.
func (f *follower) takenBack(ctx context.Context, state rollout.State) error {
	why := state.Message
	measurements, err := f.Rollouts.Measurements(ctx, state.Canary)
	if err != nil {
		why += "; " + err.Error()
	}
	var wrong []string
	data := true
	for _, one := range measurements {
		if !one.Wrong() {
			continue
		}
		wrong = append(wrong, strings.TrimSpace(fmt.Sprintf("%s %s: %s %s", one.Metric, strings.ToLower(one.Phase), one.Value, one.Message)))
		data = data && one.Value != "" && one.Value != "[]" && !strings.Contains(one.Value, "NaN")
	}
	if len(wrong) > 0 {
		why = "the analysis in the cluster says " + strings.Join(wrong, "; ")
	}
	if why == "" {
		why = "it was aborted by hand"
	}
	if len(wrong) > 0 && !data {
		// The cluster knows that there is nothing, and pocctl what there is instead.
		if f.blindness != nil {
			why = f.blindness.Error() + "; " + why
		} else if f.step.verdict.Reason != "" {
			why = f.step.verdict.Reason + "; " + why
		}
		return f.unmeasured(ctx, why)
	}
	return f.takeBack(ctx, why)
}

func (f *follower) rolledBack(why string) error {
	return fault.New(fault.CanaryRolledBack, "release", f.Name, "detail", why, "next", f.Next)
}

// goBack has all requests go to the stable version, and the release be that again.
// It goes on after an interrupt, which would leave neither version whole.
func (f *follower) goBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	f.Progress.Info("taking the canary back")
	if err := f.Rollouts.Hold(ctx, f.Name, false); err != nil {
		return err
	}
	if err := f.Rollouts.Abort(ctx, f.Name); err != nil {
		return err
	}
	if f.Undo == nil {
		return nil
	}
	if err := f.Undo(ctx); err != nil {
		return fmt.Errorf("go back to what the stable version was made of: %w", err)
	}
	return f.whole(ctx)
}

// whole waits until one version serves again.
func (f *follower) whole(ctx context.Context) error {
	tick := time.NewTicker(f.Look / 4)
	defer tick.Stop()
	for {
		state, err := f.Rollouts.Read(ctx, f.Name)
		if err != nil {
			return err
		}
		if state.Whole() {
			return nil
		}
		f.Progress.Waiting("one version to serve alone: %s", state)
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for one version of %s to serve alone (%s): %w", f.Name, state, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
