package api

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time. Its timer is started when somebody waits
// for it: an answer out of memory is there before, and timers cost more than it does.
type deadline struct {
	context.Context //nolint:containedctx // it is one
	at              time.Time

	mu    sync.Mutex
	timed context.Context    //nolint:containedctx // what it becomes when it is waited for; nil before
	stop  context.CancelFunc // of timed
	ended bool
}

func withDeadline(parent context.Context, at time.Time) *deadline {
	return &deadline{Context: parent, at: at}
}

// Deadline gives when it ends.
func (d *deadline) Deadline() (time.Time, bool) {
	if earlier, has := d.Context.Deadline(); has && earlier.Before(d.at) {
		return earlier, true
	}
	return d.at, true
}

// Done is closed when it ends, or is released.
func (d *deadline) Done() <-chan struct{} { return d.wait().Done() }

// Err says why it has ended; nil if it has not.
func (d *deadline) Err() error {
	d.mu.Lock()
	waited := d.timed != nil || d.ended
	d.mu.Unlock()
	if !waited && d.Context.Err() == nil && time.Now().Before(d.at) {
		return nil
	}
	return d.wait().Err()
}

// Value gives contexts that are made of this one a short way to its timer.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	timed := d.timed
	d.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return d.Context.Value(key)
}

// wait starts the timer.
func (d *deadline) wait() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		d.timed, d.stop = context.WithDeadline(d.Context, d.at)
		if d.ended {
			d.stop()
		}
	}
	return d.timed
}

// release ends it: the work is done.
func (d *deadline) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.stop != nil {
		d.stop()
	}
}
