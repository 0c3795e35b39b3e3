// Package faults makes requests fail or wait on purpose, so that retries,
// alerts and canaries can be tried. It knows neither HTTP nor gRPC: it decides,
// and who asks acts on it.
package faults

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// MaxLatency bounds Latency and LatencyJitter: a longer wait would only fill
// the server with requests.
const MaxLatency = time.Minute

// MaxLeak bounds Leak, in bytes: a few requests would be the end of the process.
const MaxLeak = 64 << 20

// DefaultErrorStatus is answered when a Spec names no status.
const DefaultErrorStatus = http.StatusInternalServerError

// Spec says what to inject. The zero Spec injects nothing.
type Spec struct {
	// ErrorPercent is the share of requests that fail, from 0 to 100.
	ErrorPercent float64
	// Latency is how long a request waits, give or take LatencyJitter,
	// evenly spread and never below 0.
	Latency, LatencyJitter time.Duration
	// LatencyPercent is the share of requests that wait, above 0 and up to 100;
	// 0 is all of them.
	LatencyPercent float64
	// ErrorStatus is the HTTP status of a failure, from 400 to 599; 0 is
	// DefaultErrorStatus.
	ErrorStatus int
}

// Injects tells whether the spec does anything at all.
func (s Spec) Injects() bool { return s.ErrorPercent > 0 || s.Latency > 0 || s.LatencyJitter > 0 }

// Invalid is a field of Spec that can't be used.
type Invalid struct {
	Field  string // of Spec
	Detail string // "must be …"
}

func (e *Invalid) Error() string { return e.Field + " " + e.Detail }

// Validate returns an *Invalid for the first field that can't be used.
func (s Spec) Validate() error {
	switch {
	case math.IsNaN(s.ErrorPercent) || s.ErrorPercent < 0 || s.ErrorPercent > 100:
		return &Invalid{"ErrorPercent", fmt.Sprintf("must be from 0 to 100, not %v", s.ErrorPercent)}
	case s.Latency < 0 || s.Latency > MaxLatency:
		return &Invalid{"Latency", fmt.Sprintf("must be from 0 to %s, not %s", MaxLatency, s.Latency)}
	case s.LatencyJitter < 0 || s.LatencyJitter > MaxLatency:
		return &Invalid{"LatencyJitter", fmt.Sprintf("must be from 0 to %s, not %s", MaxLatency, s.LatencyJitter)}
	case math.IsNaN(s.LatencyPercent) || s.LatencyPercent < 0 || s.LatencyPercent > 100:
		return &Invalid{"LatencyPercent", fmt.Sprintf("must be from 0 to 100, not %v", s.LatencyPercent)}
	case s.ErrorStatus != 0 && (s.ErrorStatus < 400 || s.ErrorStatus > 599):
		return &Invalid{"ErrorStatus", fmt.Sprintf("must be from 400 to 599, not %d", s.ErrorStatus)}
	}
	return nil
}

// Observer is told of every fault.
type Observer interface {
	// FaultInjected is told the route and what was injected there.
	FaultInjected(route string, kind Kind)
}

// Kind is what was injected.
type Kind string

// The kinds. A request may have both.
const (
	Delay Kind = "delay"
	Error Kind = "error"
)

// Options of an injector.
type Options struct {
	// Spec is injected while the spec given to Decide injects nothing.
	Spec
	// Leak is how many bytes a request keeps in memory for as long as the process
	// lives, at most MaxLeak; 0 is none.
	Leak int
	// Routes are those that Spec and Leak are for, as given to Decide; a * at the end
	// stands for any rest. Empty is every route. Exempt ones stay so.
	Routes []string
	// Exempt are routes that never have faults, besides those of the function
	// Exempt: the same form as Routes.
	Exempt []string
	// Seed makes decisions repeat from run to run; 0 is a random one.
	Seed uint64
	// Observer may be nil.
	Observer Observer
}

// Injector is safe for concurrent use.
type Injector struct {
	options Options
	drawn   atomic.Uint64

	leaking sync.Mutex
	leaked  [][]byte
}

// New makes an injector. Errors: an *Invalid of Spec, a route that can't match.
func New(options Options) (*Injector, error) {
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("read the faults to inject: %w", err)
	}
	if options.Leak < 0 || options.Leak > MaxLeak {
		return nil, &Invalid{"Leak", fmt.Sprintf("must be from 0 to %d bytes, not %d", MaxLeak, options.Leak)}
	}
	if options.Seed == 0 {
		options.Seed = rand.Uint64()
	}
	injector := &Injector{options: options}
	for _, route := range options.Routes {
		if injector.exempt(pattern(route).example()) {
			return nil, fmt.Errorf("read the faults to inject: route %q never has any", route)
		}
	}
	return injector, nil
}

// Decide says how long a request to route waits and, if status isn't 0, the
// HTTP status that it then fails with. route is the template of a REST route
// ("/api/v1/products/:id") or gRPC's full method. A spec that injects something,
// a flag's for example, takes the place of the configured one, on every route.
func (i *Injector) Decide(route string, spec Spec) (delay time.Duration, status int) {
	if i.options.Leak > 0 && !i.exempt(route) && (len(i.options.Routes) == 0 || anyMatches(i.options.Routes, route)) {
		i.leak()
	}
	if !spec.Injects() {
		spec = i.options.Spec
		if !spec.Injects() || len(i.options.Routes) > 0 && !anyMatches(i.options.Routes, route) {
			return 0, 0
		}
	}
	if i.exempt(route) {
		return 0, 0
	}
	if delay = i.delay(spec); delay > 0 {
		i.observe(route, Delay)
	}
	if spec.ErrorPercent > 0 && i.draw()*100 < spec.ErrorPercent {
		status = spec.ErrorStatus
		if status == 0 {
			status = DefaultErrorStatus
		}
		i.observe(route, Error)
	}
	return delay, status
}

func (i *Injector) delay(spec Spec) time.Duration {
	if spec.LatencyPercent > 0 && spec.LatencyPercent < 100 && i.draw()*100 >= spec.LatencyPercent {
		return 0
	}
	delay := spec.Latency
	if spec.LatencyJitter > 0 {
		delay += time.Duration((2*i.draw() - 1) * float64(spec.LatencyJitter))
	}
	return max(0, delay)
}

// leak keeps memory that nobody needs. It is written to, or it would not be resident.
func (i *Injector) leak() {
	kept := make([]byte, i.options.Leak)
	for at := 0; at < len(kept); at += os.Getpagesize() {
		kept[at] = 1
	}
	i.leaking.Lock()
	defer i.leaking.Unlock()
	i.leaked = append(i.leaked, kept)
}

// draw gives the next number of [0, 1), by splitmix64 (Steele, Lea, Flood:
// Fast Splittable Pseudorandom Number Generators, 2014): one atomic addition,
// so that requests don't queue for it.
func (i *Injector) draw() float64 {
	z := i.options.Seed + i.drawn.Add(1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

func (i *Injector) observe(route string, kind Kind) {
	if i.options.Observer != nil {
		i.options.Observer.FaultInjected(route, kind)
	}
}

func (i *Injector) exempt(route string) bool {
	return Exempt(route) || anyMatches(i.options.Exempt, route)
}

// Wait returns after delay, or earlier with ctx's cause when ctx ends.
func Wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for an injected delay: %w", context.Cause(ctx))
	}
}
