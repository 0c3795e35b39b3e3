// Package canary compares the requests of a canary with those that the stable
// version answered at the same time, and with the objectives: it reads counters
// from Prometheus, takes their increase, and judges it.
package canary

import (
	"fmt"
	"math"
	"time"
)

// shortestGrowth is how long a pod is watched before its memory says anything: a
// garbage collection moves it by more than a leak does in less.
const shortestGrowth = 30 * time.Second

// Counters are what the pods of one version have counted since they started, by
// the pods' names.
type Counters map[string]Pod

// Pod is what one pod has counted since it started.
type Pod struct {
	Requests int64
	Errors   int64     // of the requests: answered with a 5xx
	Buckets  []Bucket  // in the order of their bounds; none before the first request
	Memory   float64   // resident, in bytes
	Sampled  time.Time // of the scrape, by Prometheus' clock
}

// Bucket counts the requests that took at most Bound.
type Bucket struct {
	Bound float64 `json:"bound"` // seconds, finite
	Count int64   `json:"count"` // cumulative
}

// Window is what one version did between two readings of its counters.
type Window struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	// Buckets are in the order of their bounds. Those slower than the last are the
	// rest of Requests.
	Buckets []Bucket `json:"buckets"`
	// Before is what it did at weights before this one, in their order.
	Before []Window `json:"before,omitempty"`
	// Parts are these requests by pod and reading, which tell how many share their
	// fate; none if nobody read in between.
	Parts []Part `json:"parts,omitempty"`
	// Pace is that of the busiest pod in requests per second; 0 if no pod was there all
	// the time.
	Pace float64 `json:"pace"`
	// MemoryGrowth is in bytes per second, by pod. Pods that came, went, restarted or
	// were watched for less than half a minute are left out.
	MemoryGrowth map[string]float64 `json:"memory_growth,omitempty"`
}

// Tally counts requests, and those that failed.
type Tally struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
}

// Tally is all that is known of the version: this window, and those before it.
func (w Window) Tally() Tally {
	tally := Tally{Requests: w.Requests, Errors: w.Errors}
	for _, before := range w.Before {
		tally.Requests += before.Requests
		tally.Errors += before.Errors
	}
	return tally
}

// Increase sums up what a version's pods did from one reading to the next. A pod
// whose counters fell has restarted, and a pod that is new has started: both count
// from zero. A pod that is gone is left out, since what it did last is unknown.
func Increase(from, to Counters) Window {
	window := Window{MemoryGrowth: map[string]float64{}}
	first := true
	for name, now := range to {
		before, known := from[name]
		if known && now.Restarted(before) {
			before, known = Pod{}, false
		}
		if known {
			watched := now.Sampled.Sub(before.Sampled)
			if watched > 0 {
				window.Pace = max(window.Pace, float64(now.Requests-before.Requests)/watched.Seconds())
			}
			if watched >= shortestGrowth {
				window.MemoryGrowth[name] = (now.Memory - before.Memory) / watched.Seconds()
			}
		}
		window.Requests += now.Requests - before.Requests
		window.Errors += now.Errors - before.Errors
		if now.Requests == 0 {
			continue // has no buckets yet
		}
		grown := now.since(before)
		if first {
			window.Buckets, first = grown, false
			continue
		}
		mine, others := common(window.Buckets, grown)
		for i := range mine {
			mine[i].Count += others[i].Count
		}
		window.Buckets = mine
	}
	return window
}

// Restarted tells whether a pod's counters can't have grown from what they were.
func (p Pod) Restarted(before Pod) bool {
	if p.Requests < before.Requests || p.Errors < before.Errors {
		return true
	}
	mine, others := common(p.Buckets, before.Buckets)
	if len(others) < len(before.Buckets) {
		return true // other bounds are another process
	}
	for i := range mine {
		if mine[i].Count < others[i].Count {
			return true
		}
	}
	return false
}

// since takes from each bucket what it held before.
func (p Pod) since(before Pod) []Bucket {
	counts := make(map[float64]int64, len(before.Buckets))
	for _, bucket := range before.Buckets {
		counts[bucket.Bound] = bucket.Count
	}
	grown := make([]Bucket, len(p.Buckets))
	for i, bucket := range p.Buckets {
		grown[i] = Bucket{Bound: bucket.Bound, Count: bucket.Count - counts[bucket.Bound]}
	}
	return grown
}

// common keeps the buckets whose bounds both have: a release may change bounds.
func common(a, b []Bucket) (ofA, ofB []Bucket) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].Bound == b[j].Bound:
			ofA, ofB = append(ofA, a[i]), append(ofB, b[j])
			i, j = i+1, j+1
		case a[i].Bound < b[j].Bound:
			i++
		default:
			j++
		}
	}
	return ofA, ofB
}

// slower counts the requests that took longer than a bound; false if no bucket
// ends there.
func (w Window) slower(bound float64) (split, bool) { return slower(w.Buckets, w.Requests, bound) }

func slower(buckets []Bucket, requests int64, bound float64) (split, bool) {
	for _, bucket := range buckets {
		if math.Abs(bucket.Bound-bound) <= 1e-9 {
			return split{bad: requests - bucket.Count, all: requests}, true
		}
	}
	return split{}, false
}

// quantile estimates by interpolation, as Prometheus does, the seconds within
// which a share of the requests lie, and gives the lower end of their bucket. What
// is slower than the last bound is taken as that.
func (w Window) quantile(share float64) (seconds, lower float64) {
	if w.Requests == 0 {
		return 0, 0
	}
	rank := share * float64(w.Requests)
	below := int64(0)
	for _, bucket := range w.Buckets {
		if float64(bucket.Count) >= rank && bucket.Count > below {
			inside := (rank - float64(below)) / float64(bucket.Count-below)
			return lower + (bucket.Bound-lower)*max(0, inside), lower
		}
		lower, below = bucket.Bound, bucket.Count
	}
	return lower, lower
}

// Quantile gives the seconds within which a share of the requests lies, as Prometheus
// estimates them, and the bounds of the bucket that they are in; upper is infinite for
// what is slower than the last one.
func (w Window) Quantile(share float64) (estimate, lower, upper float64) {
	estimate, lower = w.quantile(share)
	for _, bucket := range w.Buckets {
		if bucket.Bound > lower {
			return estimate, lower, bucket.Bound
		}
	}
	return estimate, lower, math.Inf(1)
}

// broken says what about a window can't be, or nothing.
func (w Window) broken() string {
	if w.Requests < 0 || w.Errors < 0 || w.Errors > w.Requests {
		return fmt.Sprintf("%d errors of %d requests can't be", w.Errors, w.Requests)
	}
	if !(w.Pace >= 0) || math.IsInf(w.Pace, 0) {
		return fmt.Sprintf("%v requests a second can't be", w.Pace)
	}
	last := Bucket{Bound: math.Inf(-1)}
	for _, bucket := range w.Buckets {
		switch {
		case math.IsNaN(bucket.Bound) || math.IsInf(bucket.Bound, 0) || bucket.Bound <= last.Bound:
			return fmt.Sprintf("a bucket of up to %v s can't follow one of up to %v s", bucket.Bound, last.Bound)
		case bucket.Count < last.Count || bucket.Count > w.Requests:
			return fmt.Sprintf("%d of %d requests in a bucket, after %d, can't be", bucket.Count, w.Requests, last.Count)
		}
		last = bucket
	}
	for _, growth := range w.MemoryGrowth {
		if math.IsNaN(growth) || math.IsInf(growth, 0) {
			return "the growth of memory isn't a number"
		}
	}
	return ""
}
