// Package delivery follows a canary: it judges the new version against objectives
// and against the stable one at the same time, takes it back when it hurts, and
// lets it through only on figures. The controller in the cluster moves the weights,
// and goes on by itself when nobody follows.
package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
	"github.com/pocctl/pocctl/internal/verify/canary"
)

// Rollouts reads and steers a Rollout; see rollout.Client.
type Rollouts interface {
	Read(ctx context.Context, name string) (rollout.State, error)
	Abort(ctx context.Context, name string) error
	Hold(ctx context.Context, name string, held bool) error
	Await(ctx context.Context, name, hash string) error
	Try(ctx context.Context, name string, now time.Time) error
	Promote(ctx context.Context, name string) error
	Prove(ctx context.Context, name, hash string) error
	Measurements(ctx context.Context, hash string) ([]rollout.Measurement, error)
}

// Source reads the counters of versions; see canary.Source.
type Source interface {
	Read(ctx context.Context, hashes []string) (map[string]canary.Counters, time.Time, error)
}

// Progress hears how it goes.
type Progress interface {
	Waiting(format string, args ...any)
	Info(format string, args ...any)
	Detail(format string, args ...any)
}

// Options of a delivery.
type Options struct {
	// Name is the Rollout's, and the release's.
	Name     string
	Rollouts Rollouts
	Source   Source
	Limits   canary.Limits
	// Load sends requests until its context ends; nil where people send enough.
	Load func(context.Context) error
	// Trouble says why the canary's pods cannot become ready, or "". It is asked every
	// five looks; nil asks nobody.
	Trouble func(context.Context) (string, error)
	// Undo has the release be what the stable version is, after a canary was taken
	// back. It gets a context that an interrupt has not ended.
	Undo     func(context.Context) error
	Progress Progress
	// Next is the command that looks further into what went wrong.
	Next string
	// Look is how often it looks; 1 s by default.
	Look time.Duration
	// Settle is how long after a change of weights figures begin to count: one scrape
	// at least; 3 s by default.
	Settle time.Duration
	// Patience is how long Prometheus may be away, or a verdict may be wanting at the
	// last step; 30 s by default.
	Patience time.Duration
	// Start is how long a canary may take to begin; 2 minutes by default.
	Start time.Duration
	// Now tells the time; time.Now by default.
	Now func() time.Time
}

// Result is how a canary ended.
type Result struct {
	From, To string // pod template hashes
	// Promoted says that the new version serves all requests.
	Promoted bool
	// Weight is the largest share of the requests that it got, in percent.
	Weight int
	// Requests is how many it answered while it was followed.
	Requests int64
	Verdict  canary.Verdict
	Took     time.Duration
}

func (o Options) withDefaults() Options {
	set := func(value *time.Duration, fallback time.Duration) {
		if *value <= 0 {
			*value = fallback
		}
	}
	set(&o.Look, time.Second)
	set(&o.Settle, 3*time.Second)
	set(&o.Patience, 30*time.Second)
	set(&o.Start, 2*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Promote has the newest version take all requests, whatever is thought of it, and
// waits until it serves alone. It looks at Name, Rollouts and Progress.
func Promote(ctx context.Context, options Options) error {
	f := &follower{Options: options.withDefaults()}
	state, err := f.Rollouts.Read(ctx, f.Name)
	for err == nil && !state.Observed { // or what is under way would be missed
		f.Progress.Waiting("the controller to see %s", f.Name)
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the controller to see %s: %w", f.Name, context.Cause(ctx))
		case <-time.After(f.Look / 4):
		}
		state, err = f.Rollouts.Read(ctx, f.Name)
	}
	if err == nil && state.UnderWay() {
		err = f.Rollouts.Promote(ctx, f.Name)
	}
	if err != nil {
		return err
	}
	return f.whole(ctx)
}

// Follow follows the canary that is under way to its end. Where none is, it tries
// the version that serves against itself. It notes a promoted version as proven.
//
// Errors: CanaryRolledBack, with the deciding figures; CanaryUnmeasured and
// MetricsAway, after it was taken back for want of figures; or ctx's own, and then
// the controller goes on.
func Follow(ctx context.Context, options Options) (Result, error) {
	f := &follower{Options: options.withDefaults()}
	began := f.Now()
	err := f.follow(ctx)
	f.result.Took = f.Now().Sub(began)
	return f.result, err
}
