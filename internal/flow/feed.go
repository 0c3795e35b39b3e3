package flow

import (
	"sync"
	"time"
)

// feed passes events to the observers, one at a time and in order.
type feed struct {
	mu        sync.Mutex
	run       string
	clock     *runClock
	observers []Observer
}

func (f *feed) emit(event Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	event.Time = time.Now().UTC()
	event.Run = f.run
	event.Elapsed = seconds(f.clock.elapsed())
	for _, observer := range f.observers {
		observer.Observe(event)
	}
}

// seconds rounds to milliseconds: nobody reads more.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
