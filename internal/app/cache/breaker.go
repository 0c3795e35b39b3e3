package cache

import (
	"sync/atomic"
	"time"
)

const (
	// breakAfter failures in a row, Redis is left alone,
	breakAfter = 5
	// for coolDown; then one call tries, and the others follow if it succeeds.
	coolDown = time.Second
)

// breaker spares readers the wait for a Redis that doesn't answer.
type breaker struct {
	now      func() time.Time
	changed  func(up bool)
	failures atomic.Int64
	until    atomic.Int64 // Unix nanoseconds; 0 while closed
}

func (b *breaker) allow() bool {
	until := b.until.Load()
	if until == 0 {
		return true
	}
	now := b.now()
	// Who moves the time on is the one that tries.
	return now.UnixNano() >= until && b.until.CompareAndSwap(until, now.Add(coolDown).UnixNano())
}

func (b *breaker) report(err error) {
	if err == nil {
		if b.failures.Load() == 0 {
			return
		}
		b.failures.Store(0)
		if b.until.Swap(0) != 0 {
			b.changed(true)
		}
		return
	}
	if b.failures.Add(1) < breakAfter {
		return
	}
	if b.until.Swap(b.now().Add(coolDown).UnixNano()) == 0 {
		b.changed(false)
	}
}
