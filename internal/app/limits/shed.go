package limits

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Lane is a kind of work that is bounded apart from the others, so that slow
// work never keeps quick work out.
type Lane string

// The lanes of the service.
const (
	Point  Lane = "point"  // one thing by its ID, from the cache most of the time
	Query  Lane = "query"  // lists and searches
	Change Lane = "change" // whatever writes
	Admin  Lane = "admin"  // what operators need when the others are full
)

// LaneOptions of one lane.
type LaneOptions struct {
	// Target is the time within which work should be done once it has begun: if
	// more than a twentieth takes longer, less is done at once. It has to be well
	// above what the work usually takes, and below what clients are promised.
	Target time.Duration
	// Min, Initial and Max are of how much is done at once.
	Min, Initial, Max int
	// Queue is how many may wait for their turn, Patience for how long.
	Queue    int
	Patience time.Duration
}

// DefaultLanes hold answers well within an objective of 300 ms.
func DefaultLanes() map[Lane]LaneOptions {
	return map[Lane]LaneOptions{
		Point:  {Target: 50 * time.Millisecond, Min: 8, Initial: 64, Max: 512, Queue: 64, Patience: 25 * time.Millisecond},
		Query:  {Target: 150 * time.Millisecond, Min: 4, Initial: 32, Max: 256, Queue: 32, Patience: 50 * time.Millisecond},
		Change: {Target: 150 * time.Millisecond, Min: 4, Initial: 32, Max: 256, Queue: 32, Patience: 50 * time.Millisecond},
		Admin:  {Target: time.Second, Min: 4, Initial: 8, Max: 16, Queue: 16, Patience: 500 * time.Millisecond},
	}
}

func (o LaneOptions) validate() error {
	switch {
	case o.Target <= 0:
		return fmt.Errorf("the target must be more than none, not %s", o.Target)
	case o.Min < 1 || o.Initial < o.Min || o.Max < o.Initial:
		return fmt.Errorf("from %d over %d to %d at once: must rise from 1 or more", o.Min, o.Initial, o.Max)
	case o.Queue < 0 || o.Patience < 0:
		return errors.New("the queue and its patience must not be negative")
	}
	return nil
}

// Reason says why work was shed.
type Reason string

// The reasons.
const (
	Full    Reason = "full"    // the queue, too, was full
	Waited  Reason = "waited"  // its turn didn't come in time
	Gone    Reason = "gone"    // the client left while it waited
	unknown Reason = "unknown" // there is no such lane
)

// Overloaded says that there is no room for a request now: 503.
type Overloaded struct {
	Lane   Lane
	Reason Reason
	// RetryAfter is in whole seconds, and differs, so that those who were sent
	// away don't come back together.
	RetryAfter time.Duration
}

func (e *Overloaded) Error() string {
	return fmt.Sprintf("there is no room for more in %s (%s): try again in %s", e.Lane, e.Reason, e.RetryAfter)
}

// maxRetry is the longest that who is sent away is told to wait, in seconds.
const maxRetry = 3

// ShedderOptions of a Shedder.
type ShedderOptions struct {
	// Lanes; DefaultLanes has those of the service.
	Lanes    map[Lane]LaneOptions
	Observer Observer
}

// Shedder bounds how much is done at once, and finds out how much that should
// be: more while answers are quick and there is demand, less when they are
// slow. What has no room is refused while that is quick. Probes must not pass
// through it. Safe for concurrent use.
type Shedder struct {
	lanes    map[Lane]*lane
	observer Observer
}

// NewShedder refuses lanes that can't be.
func NewShedder(options ShedderOptions) (*Shedder, error) {
	s := &Shedder{lanes: map[Lane]*lane{}, observer: options.Observer}
	for name, lane := range options.Lanes {
		if err := lane.validate(); err != nil {
			return nil, fmt.Errorf("shed in lane %s: %w", name, err)
		}
		s.lanes[name] = newLane(name, lane, options.Observer)
		options.Observer.Concurrency(name, lane.Initial)
	}
	return s, nil
}

// Acquire gives a permit, which has to be released when the work is done, or an
// *Overloaded. An ended ctx ends the wait.
func (s *Shedder) Acquire(ctx context.Context, name Lane) (Permit, error) {
	l, has := s.lanes[name]
	if !has {
		return Permit{}, &Overloaded{Lane: name, Reason: unknown, RetryAfter: time.Second}
	}
	permit, reason := l.acquire(ctx)
	if reason != "" {
		s.observer.Shed(name, reason)
		return Permit{}, &Overloaded{Lane: name, Reason: reason, RetryAfter: time.Duration(1+rand.IntN(maxRetry)) * time.Second}
	}
	return permit, nil
}

// LaneState is how a lane does now.
type LaneState struct{ Limit, InFlight, Queued int }

// State is that of the named lane; zero if there is none.
func (s *Shedder) State(name Lane) LaneState {
	if l, has := s.lanes[name]; has {
		return l.state()
	}
	return LaneState{}
}
