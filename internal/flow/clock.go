package flow

import (
	"sync"
	"time"
)

// stopwatch measures time that can stand still.
type stopwatch struct {
	started time.Time
	stopped time.Time // zero while it goes
	lost    time.Duration
}

func (s *stopwatch) stop(now time.Time) {
	if s.stopped.IsZero() {
		s.stopped = now
	}
}

func (s *stopwatch) resume(now time.Time) {
	if !s.stopped.IsZero() {
		s.lost += now.Sub(s.stopped)
		s.stopped = time.Time{}
	}
}

func (s *stopwatch) elapsed(now time.Time) time.Duration {
	if !s.stopped.IsZero() {
		now = s.stopped
	}
	return now.Sub(s.started) - s.lost
}

// runClock stands still while a person is waited for and no step is at work.
type runClock struct {
	mu      sync.Mutex
	watch   stopwatch
	running int
	paused  int
}

func newRunClock() *runClock { return &runClock{watch: stopwatch{started: time.Now()}} }

// change counts steps that began (+1) or ended (-1) to run or to be paused.
func (c *runClock) change(running, paused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running += running
	c.paused += paused
	if c.paused > 0 && c.paused == c.running {
		c.watch.stop(time.Now())
	} else {
		c.watch.resume(time.Now())
	}
}

func (c *runClock) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watch.elapsed(time.Now())
}
