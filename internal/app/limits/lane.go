package limits

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// How a lane finds its limit: additive in the small, multiplicative increase,
// faster decrease, decided over windows of time.
const (
	window        = 100 * time.Millisecond
	longestWindow = time.Second // a window with few answers grows to this
	fewAnswers    = 10
	slowShare     = 0.05
	increase      = 0.1
	decrease      = 0.8
)

// lane is one Lane of a Shedder. Times are since it began.
type lane struct {
	name     Lane
	options  LaneOptions
	observer Observer
	began    time.Time

	mutex    sync.Mutex
	limit    int
	inFlight int
	queue    list.List // of *waiter, first come first served

	opened   time.Duration // when the window began
	answers  int           // in the window
	slow     int           // of them
	peak     int           // most at once in the window
	demanded bool          // the limit was reached in the window
	cut      time.Duration // when the limit was last lowered
}

type waiter struct{ ready chan struct{} }

func newLane(name Lane, options LaneOptions, observer Observer) *lane {
	return &lane{name: name, options: options, observer: observer, limit: options.Initial, began: time.Now()}
}

// Permit is leave to do one piece of work. The zero permit is for work that
// isn't bounded.
type Permit struct {
	lane  *lane
	began time.Duration
}

// Release gives the permit back; it is to be called once. learn is false if the
// time that the work took says nothing of how busy the service is, as when the
// client left.
func (p Permit) Release(learn bool) {
	if p.lane != nil {
		p.lane.release(p.began, learn)
	}
}

// acquire gives a permit, or the reason why not.
func (l *lane) acquire(ctx context.Context) (Permit, Reason) {
	l.mutex.Lock()
	if l.inFlight < l.limit {
		l.enter()
		l.mutex.Unlock()
		return Permit{l, time.Since(l.began)}, ""
	}
	l.demanded = true
	if l.queue.Len() >= l.options.Queue {
		l.mutex.Unlock()
		return Permit{}, Full
	}
	w := &waiter{ready: make(chan struct{})}
	place := l.queue.PushBack(w)
	l.mutex.Unlock()

	patience := time.NewTimer(l.options.Patience)
	defer patience.Stop()
	reason := Waited
	select {
	case <-w.ready:
		return Permit{l, time.Since(l.began)}, ""
	case <-patience.C:
	case <-ctx.Done():
		reason = Gone
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case <-w.ready: // its turn came meanwhile
		return Permit{l, time.Since(l.began)}, ""
	default:
		l.queue.Remove(place)
		return Permit{}, reason
	}
}

func (l *lane) enter() {
	l.inFlight++
	l.peak = max(l.peak, l.inFlight)
}

func (l *lane) release(began time.Duration, learn bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := time.Since(l.began)
	// What began before the limit was lowered says nothing of the new one.
	if learn && began >= l.cut {
		l.answers++
		if now-began > l.options.Target {
			l.slow++
		}
	}
	l.adjust(now)
	l.inFlight--
	for l.inFlight < l.limit && l.queue.Len() > 0 {
		l.enter()
		next := l.queue.Front()
		l.queue.Remove(next)
		if w, ok := next.Value.(*waiter); ok {
			close(w.ready)
		}
	}
}

// adjust ends the window if it is time, and sets the limit for the next one.
func (l *lane) adjust(now time.Duration) {
	age := now - l.opened
	if age < window || l.answers < fewAnswers && age < longestWindow {
		return
	}
	before := l.limit
	slow := float64(l.slow) > slowShare*float64(l.answers)
	switch {
	case slow && l.peak > l.options.Min:
		// From what really ran at once: the limit may have been far above it.
		l.limit = max(l.options.Min, int(decrease*float64(min(before, l.peak))))
		l.cut = now
	case !slow && l.answers > 0 && (l.demanded || l.limit < l.options.Initial):
		l.limit = min(l.options.Max, l.limit+max(1, int(increase*float64(l.limit))))
	}
	l.opened, l.answers, l.slow, l.peak, l.demanded = now, 0, 0, l.inFlight, false
	if l.limit != before {
		l.observer.Concurrency(l.name, l.limit)
	}
}

func (l *lane) state() LaneState {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return LaneState{Limit: l.limit, InFlight: l.inFlight, Queued: l.queue.Len()}
}
