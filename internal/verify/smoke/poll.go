package smoke

import (
	"context"
	"errors"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// every is how often a condition is asked: often enough that nobody waits for it.
const every = 200 * time.Millisecond

// mismatch is what was expected and what came instead. It ends a wait at once
// where waiting is of no use.
type mismatch struct {
	expected, got string
	next          string // the command to look further
	final         bool
}

// fault gives the mismatch as the error of a check.
func (m *mismatch) fault(check string) error {
	return fault.New(fault.SmokeFailed, "check", check, "expected", m.expected, "got", m.got, "next", m.next)
}

// poll asks until nothing is amiss, and then says what was found. When the
// deadline passes, the last mismatch is the error.
func poll(ctx context.Context, deadline time.Duration, check string, progress Progress, ask func(context.Context) (string, *mismatch)) error {
	bounded, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var last *mismatch
	for {
		detail, found := ask(bounded)
		if found == nil {
			progress.Detail("%s", detail)
			return nil
		}
		if last == nil || bounded.Err() == nil {
			last = found // an answer cut by the deadline says less than the one before
		}
		if last.final {
			return last.fault(check)
		}
		progress.Waiting("%s (now: %s)", last.expected, last.got)
		select {
		case <-ticker.C:
		case <-bounded.Done():
			if err := ctx.Err(); errors.Is(err, context.Canceled) {
				return err
			}
			return last.fault(check)
		}
	}
}
