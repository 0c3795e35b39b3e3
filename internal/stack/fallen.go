package stack

import (
	"context"
	"errors"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// lookEvery is how often a step that works on the platform looks after it.
const lookEvery = 500 * time.Millisecond

// whileItStands lets steps end as soon as the platform under them has ended,
// instead of waiting for their deadlines.
func (s *Stack) whileItStands(steps []flow.Step) []flow.Step {
	for i := range steps {
		run := steps[i].Run
		steps[i].Run = func(ctx context.Context, log *flow.Log) error {
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			go s.watchPlatform(ctx, cancel)
			err := run(ctx, log)
			var fallen *fault.Error
			if err != nil && errors.As(context.Cause(ctx), &fallen) {
				return fallen
			}
			return err
		}
	}
	return steps
}

// watchPlatform cancels with the platform's fall as the cause.
func (s *Stack) watchPlatform(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.platform.fallen(); err != nil {
				cancel(err)
				return
			}
		}
	}
}
