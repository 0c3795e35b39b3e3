package load

import (
	"context"
	"time"
)

// clock is the time a run goes by.
type clock interface {
	Now() time.Time
	// Until waits for t and gives the time it is then; it ends early, with the
	// error of ctx, when that ends. One goroutine at a time may wait.
	Until(ctx context.Context, t time.Time) (time.Time, error)
}

// timerClock waits with the runtime's timers. On Linux these are up to a
// millisecond late when the process is idle; see kernelClock.
type timerClock struct{}

func (timerClock) Now() time.Time { return time.Now() }

func (timerClock) Until(ctx context.Context, t time.Time) (time.Time, error) {
	wait := time.Until(t)
	if wait <= 0 {
		return time.Now(), ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Now(), ctx.Err()
}
