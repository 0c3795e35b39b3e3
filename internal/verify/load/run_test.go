package load

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// senderFunc answers requests in the bubble's own time.
type senderFunc func(request) answer

func (f senderFunc) send(r request) answer {
	left := time.Now()
	got := f(r)
	got.left, got.done = left, time.Now()
	return got
}

var ok = answer{status: 200}

func newRun(stages []Stage, sender sender) *run {
	options := Options{
		URL: "http://shop", Stages: stages,
		Scenario: Scenario{Operations: []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/"}}},
	}
	options, err := options.complete()
	if err != nil {
		panic(err)
	}
	return &run{
		options: options, clock: timerClock{}, sender: sender, recorder: newRecorder(stages, 1),
		picker: newPicker(options.Scenario, "run", nil, &ids{}, 1), made: &ids{}, cut: func() {},
	}
}

// within allows for the histogram's three significant digits.
func within(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got < want*0.998-0.002 || got > want*1.002+0.002 {
		t.Errorf("%s is %v ms, want %v", what, got, want)
	}
}

func TestLatencyIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		r := newRun([]Stage{{Name: "steady", Rate: 100, Duration: 10 * time.Second}}, senderFunc(func(request) answer {
			// 90 of 100 take 5 ms, 8 take 60 ms, 2 take 700 ms
			switch n := count.Add(1) % 100; {
			case n < 2:
				time.Sleep(700 * time.Millisecond)
			case n < 10:
				time.Sleep(60 * time.Millisecond)
			default:
				time.Sleep(5 * time.Millisecond)
			}
			return ok
		}))
		result := r.drive(t.Context())
		if total := result.Total; total.Sent != 1000 || total.Unsent != 0 || total.Held != 100 || result.Void != "" {
			t.Errorf("sent %d, unsent %d, held %v, void %q; want 1000, 0, 100 and none", total.Sent, total.Unsent, total.Held, result.Void)
		}
		latency := result.Total.Latency
		within(t, "p50", latency.P50, 5)
		within(t, "p90", latency.P90, 5)
		within(t, "p95", latency.P95, 60)
		within(t, "p99", latency.P99, 700)
		within(t, "max", latency.Max, 700)
		if slow := latency.AtLeast(60); slow != 100 {
			t.Errorf("%d took 60 ms or more, want 100", slow)
		}
	})
}

// A server that stalls for a second delays every request due in that second,
// whether or not a slower client would have sent it.
func TestStallShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRun([]Stage{{Name: "steady", Rate: 300, Duration: 10 * time.Second}}, senderFunc(func(request) answer {
			if since := time.Since(start); since >= 3*time.Second && since < 4*time.Second {
				time.Sleep(4*time.Second - since)
			}
			return ok
		}))
		result := r.drive(t.Context())
		within(t, "p50", result.Total.Latency.P50, 0)
		within(t, "p99", result.Total.Latency.P99, 900) // 300 of 3000 are late by up to a second: 30 by more than this
		within(t, "max", result.Total.Latency.Max, 1000)
		within(t, "lag p99", result.Lag.P99, 0)
	})
}

func TestWarmupIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRun(Plan{Rate: 100, Duration: 3 * time.Second, Warmup: time.Second, Spike: 200}.Stages(), senderFunc(func(request) answer {
			if time.Since(start) < time.Second {
				time.Sleep(2 * time.Second)
				return answer{kind: "status 503", status: 503}
			}
			return ok
		}))
		result := r.drive(t.Context())
		if total := result.Total; total.Sent != 400 || total.Failed != 0 || total.Latency.Max != 0 {
			t.Errorf("sent %d, failed %d, max %v ms; want 400, none and 0", total.Sent, total.Failed, total.Latency.Max)
		}
		if got := result.Started.Sub(start); got != time.Second {
			t.Errorf("measured from %s on, want 1s", got)
		}
		var names []string
		for _, stage := range result.Stages {
			names = append(names, stage.Name)
		}
		if got := strings.Join(names, " "); got != "steady spike recovery" {
			t.Errorf("stages are %q", got)
		}
	})
}

func TestUnsentMakesVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun([]Stage{{Name: "steady", Rate: 100, Duration: time.Second}}, senderFunc(func(request) answer {
			time.Sleep(2 * time.Second)
			return ok
		}))
		r.options.MaxInFlight = 10
		result := r.drive(t.Context())
		if total := result.Total; total.Sent != 10 || total.Unsent != 90 || total.Held != 10 {
			t.Errorf("sent %d, unsent %d, held %v; want 10, 90, 10", total.Sent, total.Unsent, total.Held)
		}
		if !strings.Contains(result.Void, "90 of 100 were never sent") {
			t.Errorf("void for %q", result.Void)
		}
		if result.Held() == nil {
			t.Error("the rate was held")
		}
	})
}

// slowClock wakes late, as on a machine that is too busy.
type slowClock struct {
	timerClock
	late time.Duration
}

func (c slowClock) Until(ctx context.Context, t time.Time) (time.Time, error) {
	return c.timerClock.Until(ctx, t.Add(c.late))
}

func TestLagCountsAndMakesVoid(t *testing.T) {
	for name, test := range map[string]struct {
		late   time.Duration
		unsent int64
		void   string
	}{
		"a little":          {20 * time.Millisecond, 0, ""},
		"more than allowed": {150 * time.Millisecond, 0, "1% left 150 ms late or later"},
		"past the timeout":  {6 * time.Second, 100, "100 of 100 were never sent"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRun([]Stage{{Name: "steady", Rate: 100, Duration: time.Second}}, senderFunc(func(request) answer { return ok }))
				r.clock = slowClock{late: test.late}
				result := r.drive(t.Context())
				if result.Total.Unsent != test.unsent {
					t.Errorf("%d unsent, want %d", result.Total.Unsent, test.unsent)
				}
				if !strings.HasPrefix(result.Void, test.void) || (result.Void == "") != (test.void == "") {
					t.Errorf("void for %q, want %q", result.Void, test.void)
				}
				if test.unsent == 0 {
					within(t, "latency", result.Total.Latency.P50, float64(test.late.Milliseconds()))
				}
			})
		})
	}
}

func TestFailuresCount(t *testing.T) {
	answers := []answer{
		ok,
		{status: 500, kind: "status 500", detail: "boom"},
		{status: 404, kind: "status 404"},
		{kind: kindTimeout},
		{kind: "connection refused"},
		{kind: "out of ports", local: true},
		{status: 200, cache: "hit"},
		{status: 200, cache: "miss"},
	}
	synctest.Test(t, func(t *testing.T) {
		var count atomic.Int64
		r := newRun([]Stage{{Name: "steady", Rate: 8, Duration: time.Second}}, senderFunc(func(request) answer {
			return answers[count.Add(1)-1]
		}))
		total := r.drive(t.Context()).Total
		got := [...]int64{total.Sent, total.Unsent, total.Failed, total.Unavailable, total.CacheHits, total.CacheMisses, total.Latency.Count}
		if want := [...]int64{7, 1, 4, 3, 1, 1, 4}; got != want {
			t.Errorf("sent, unsent, failed, unavailable, hits, misses, latencies: %v, want %v", got, want)
		}
		if total.Example != "boom" {
			t.Errorf("the example is %q", total.Example)
		}
	})
}

func TestInterruptedKeepsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Millisecond)
		defer cancel()
		cut := make(chan struct{})
		r := newRun([]Stage{{Name: "steady", Rate: 10, Duration: time.Hour}}, senderFunc(func(request) answer {
			select {
			case <-time.After(100 * time.Millisecond):
				return ok
			case <-cut:
				return answer{cut: true, kind: "connection closed"}
			}
		}))
		sender := r.sender
		r.sender = senderFunc(func(request request) answer {
			if time.Since(r.start) >= 2*time.Second { // the last one hangs
				<-cut
				return answer{cut: true, kind: "connection closed"}
			}
			return sender.send(request)
		})
		r.cut = func() { close(cut) }
		begin := time.Now()
		result := r.drive(ctx)
		if took := time.Since(begin); took > 2*time.Second+time.Millisecond+grace {
			t.Errorf("it ended after %s", took)
		}
		total := result.Total
		if !result.Interrupted || total.Sent != 20 || total.Failed != 0 || total.Unsent != 0 || result.Void != "" {
			t.Errorf("interrupted %v, sent %d, failed %d, unsent %d, void %q; want 20 sent and nothing else",
				result.Interrupted, total.Sent, total.Failed, total.Unsent, result.Void)
		}
	})
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun([]Stage{{Name: "steady", Rate: 10, Duration: 3500 * time.Millisecond}}, senderFunc(func(request) answer { return ok }))
		var seen []Snapshot
		r.options.Progress = func(s Snapshot) { seen = append(seen, s) }
		r.drive(t.Context())
		if len(seen) != 3 || seen[2].Elapsed != 3*time.Second || seen[2].Stage != "steady" || seen[2].Sent < 29 {
			t.Errorf("saw %+v", seen)
		}
	})
}
