//go:build linux

package process

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before a child is started again.
type Backoff struct {
	// First is the wait after the first failure; default 250 ms.
	First time.Duration
	// Most bounds the wait, which doubles with each failure; default 30 s.
	Most time.Duration
	// Stable is how long a child must run to be forgiven; default 1 min.
	Stable time.Duration
	// Random gives a number in [0,1) for the jitter; default math/rand.
	Random func() float64

	failures int
}

// Next gives the wait after a run of the given length. A fifth of it either way
// is jitter, so that children that fell together do not start together.
func (b *Backoff) Next(ran time.Duration) time.Duration {
	first := orDefault(b.First, 250*time.Millisecond)
	most := orDefault(b.Most, 30*time.Second)
	if ran >= orDefault(b.Stable, time.Minute) {
		b.failures = 0
	}
	wait := first
	for range b.failures {
		if wait >= most/2 {
			wait = most
			break
		}
		wait *= 2
	}
	b.failures++

	random := b.Random
	if random == nil {
		random = rand.Float64
	}
	jittered := time.Duration(float64(wait) * (0.8 + 0.4*random()))
	return min(jittered, most)
}

func orDefault(value, fallback time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return fallback
}
