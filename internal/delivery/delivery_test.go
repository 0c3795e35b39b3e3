package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/canary"
)

// cluster is a Rollout whose controller moves it on with the clock, and its metrics.
type cluster struct {
	t *testing.T
	// began is when the canary did; zero before.
	began time.Time
	// weights are the steps' shares, each kept for ten seconds, or for so long.
	weights []int
	each    time.Duration
	held    time.Duration
	heldAt  time.Time
	awaited bool
	aborted bool
	undone  bool
	proven  string
	// never has the canary's pods not become ready.
	never bool
	// failing is the share of the canary's requests that fail.
	failing float64
	// leaking is by how much the canary's memory grows, in MiB a second.
	leaking float64
	// idle versions get no requests; those with idleFor none for so long.
	idle    bool
	idleFor time.Duration
	// deaf controllers are not held.
	deaf bool
	// metrics is what Prometheus answers instead of figures.
	metrics error
	// analysis aborts the canary 12 s after it began.
	analysis []rollout.Measurement
	said     []string
}

func (c *cluster) step() time.Duration { return cmp.Or(c.each, 10*time.Second) }

func (c *cluster) state() rollout.State {
	s := rollout.State{Name: "backend", Observed: true, Stable: "a", Canary: "a", Steps: 2 * len(c.weights), Wanted: 3, Updated: 3, Available: 3}
	if c.began.IsZero() || c.undone {
		return s
	}
	s.Canary, s.Updated = "b", 1
	if len(c.analysis) > 0 && time.Since(c.began) > 12*time.Second {
		c.aborted = true
	}
	if c.aborted {
		s.Aborted = true
		return s
	}
	if c.never {
		return s
	}
	passed := time.Since(c.began)
	if !c.heldAt.IsZero() { // it stays where it is, and its time goes on
		passed = c.heldAt.Sub(c.began)
		s.Held, s.Awaited = true, c.awaited
	}
	at := int(passed / c.step())
	if at >= len(c.weights) {
		s.Stable, s.Canary, s.Updated = "b", "b", 3
		return s
	}
	s.Step, s.Weight, s.Pause = 2*at+1, c.weights[at], c.step()
	return s
}

func (c *cluster) Read(context.Context, string) (rollout.State, error) { return c.state(), nil }
func (c *cluster) Abort(context.Context, string) error                 { c.aborted = true; return nil }

func (c *cluster) Hold(_ context.Context, _ string, held bool) error {
	if c.deaf {
		return nil
	}
	c.awaited = false
	if held {
		c.heldAt = time.Now()
	} else if !c.heldAt.IsZero() {
		c.held += time.Since(c.heldAt)
		c.heldAt = time.Time{}
	}
	return nil
}

func (c *cluster) Await(ctx context.Context, name, _ string) error {
	err := c.Hold(ctx, name, true)
	c.awaited = !c.deaf
	return err
}

func (c *cluster) Try(context.Context, string, time.Time) error { c.began = time.Now(); return nil }

func (c *cluster) Promote(context.Context, string) error {
	c.began = c.began.Add(-time.Duration(len(c.weights)) * c.step())
	return nil
}

func (c *cluster) Prove(_ context.Context, _, hash string) error { c.proven = hash; return nil }

func (c *cluster) Measurements(context.Context, string) ([]rollout.Measurement, error) {
	return c.analysis, nil
}

// figures are the counters at 300 requests a second since the canary began.
func (c *cluster) figures(_ context.Context, hashes []string) (map[string]canary.Counters, time.Time, error) {
	if c.metrics != nil {
		return nil, time.Time{}, fmt.Errorf("query: %w", c.metrics)
	}
	seconds := time.Since(c.began).Seconds()
	found := map[string]canary.Counters{}
	for i, hash := range hashes {
		requests := 150 * seconds
		failed, memory := 0.0, 30.0
		if i == 1 {
			memory += c.leaking * seconds
			requests = max(0, requests-150*c.idleFor.Seconds())
			if failed = requests * c.failing; c.idle {
				requests, failed = 0, 0
			}
		}
		found[hash] = canary.Counters{hash + "-1": canary.Pod{
			Requests: int64(requests), Errors: int64(failed), Sampled: time.Now(), Memory: memory * (1 << 20),
			Buckets: []canary.Bucket{{Bound: 0.1, Count: int64(requests)}, {Bound: 0.3, Count: int64(requests)}},
		}}
	}
	return found, time.Now(), nil
}

type source struct{ c *cluster }

func (s source) Read(ctx context.Context, hashes []string) (map[string]canary.Counters, time.Time, error) {
	return s.c.figures(ctx, hashes)
}

func (c *cluster) note(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

type voice struct{ c *cluster }

func (v voice) Waiting(string, ...any)            {}
func (v voice) Info(format string, args ...any)   { v.c.note(format, args...) }
func (v voice) Detail(format string, args ...any) { v.c.note(format, args...) }

func follow(ctx context.Context, c *cluster) (Result, error) {
	return Follow(ctx, Options{
		Name: "backend", Rollouts: c, Source: source{c}, Progress: voice{c}, Next: "pocctl logs backend",
		Limits: canary.Limits{ErrorRate: 0.01, LatencyBound: 0.3, LatencyShare: 0.05, MaximumMemoryGrowth: 4 << 20},
		Undo:   func(context.Context) error { c.undone = true; return nil },
	})
}

func code(err error) fault.Code {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name     string
		cluster  cluster
		code     fault.Code
		says     string
		promoted bool
		within   time.Duration
	}{
		{name: "as good as before", promoted: true, within: 35 * time.Second},
		{name: "errors", cluster: cluster{failing: 0.05}, code: fault.CanaryRolledBack, says: "requests failed", within: 10 * time.Second},
		{name: "a memory leak", cluster: cluster{leaking: 6}, code: fault.CanaryRolledBack, says: "memory grows by", within: 40 * time.Second},
		{name: "memory that grows as it does", cluster: cluster{leaking: 1}, promoted: true, within: 36 * time.Second},
		{name: "no request", cluster: cluster{idle: true}, code: fault.CanaryUnmeasured, says: "no requests", within: 65 * time.Second},
		{name: "Prometheus away", cluster: cluster{metrics: canary.ErrAway}, code: fault.MetricsAway, says: canary.ErrAway.Error(), within: 40 * time.Second},
		{name: "a metric renamed", cluster: cluster{metrics: canary.ErrNoSeries}, code: fault.CanaryUnmeasured, says: canary.ErrNoSeries.Error(), within: 40 * time.Second},
		{name: "NaN", cluster: cluster{metrics: canary.ErrBadSample}, code: fault.CanaryUnmeasured, says: canary.ErrBadSample.Error(), within: 40 * time.Second},
		{name: "the analysis in the cluster", cluster: cluster{analysis: []rollout.Measurement{
			{Metric: "latency-p95", Phase: "Successful", Value: "[0.01]"}, {Metric: "error-rate", Phase: "Failed", Value: "[0.2]"},
		}}, code: fault.CanaryRolledBack, says: "error-rate failed: [0.2]", within: 15 * time.Second},
		{name: "the analysis has no data", cluster: cluster{analysis: []rollout.Measurement{{Metric: "error-rate", Phase: "Failed", Value: "[]"}}},
			code: fault.CanaryUnmeasured, says: "error-rate failed: []", within: 15 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := test.cluster
				c.t, c.weights = t, []int{10, 50, 75}
				result, err := follow(t.Context(), &c)
				if code(err) != test.code || test.code == "" && err != nil || test.code != "" && !strings.Contains(err.Error(), test.says) {
					t.Fatalf("%v", err)
				}
				if result.Promoted != test.promoted || (c.proven == "b") != test.promoted || c.undone == test.promoted {
					t.Errorf("promoted %v, proven %q, undone %v", result.Promoted, c.proven, c.undone)
				}
				if result.Took > test.within || result.Took == 0 {
					t.Errorf("it took %s", result.Took)
				}
			})
		})
	}
}

func TestPodsThatNeverBecomeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{10}, never: true, began: time.Now()}
		_, err := Follow(t.Context(), Options{
			Name: "backend", Rollouts: &c, Source: source{&c}, Progress: voice{&c},
			Trouble: func(context.Context) (string, error) { return "CrashLoopBackOff, exit code 7", nil },
			Undo:    func(context.Context) error { c.undone = true; return nil },
		})
		if code(err) != fault.CanaryRolledBack || !strings.Contains(err.Error(), "exit code 7") || !c.aborted || !c.undone {
			t.Errorf("%v, aborted %v", err, c.aborted)
		}
	})
}

func TestAnInterruptLeavesItToTheController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 7*time.Second)
		defer stop()
		c := cluster{t: t, weights: []int{10, 50}}
		if _, err := follow(ctx, &c); !errors.Is(err, context.DeadlineExceeded) || c.aborted || c.undone {
			t.Fatalf("%v, aborted %v", err, c.aborted)
		}
		if !strings.Contains(strings.Join(c.said, "\n"), "goes on with the canary by itself") {
			t.Errorf("it said %q", c.said)
		}
		// The next one takes it up.
		if result, err := follow(t.Context(), &c); err != nil || !result.Promoted {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

func TestFewRequestsAreWaitedForAtTheLastStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{10}, idleFor: 20 * time.Second}
		result, err := follow(t.Context(), &c)
		if err != nil || !result.Promoted {
			t.Fatalf("%+v, %v", result, err)
		}
		if c.held == 0 {
			t.Error("it was not held")
		}
	})
}

func TestAShortStepIsHeldBeforeItIsOver(t *testing.T) {
	for _, each := range []time.Duration{4 * time.Second, 6 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := cluster{t: t, weights: []int{50}, each: each, idle: true}
			if _, err := follow(t.Context(), &c); code(err) != fault.CanaryUnmeasured || !c.aborted {
				t.Errorf("steps of %s: %v", each, err)
			}
		})
	}
}

func TestAWaitIsTakenUpAndAPersonsHoldIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{50}, idleFor: 20 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if _, err := follow(ctx, &c); !errors.Is(err, context.DeadlineExceeded) || !c.awaited {
			t.Fatalf("%v, awaited %v", err, c.awaited)
		}
		if said := strings.Join(c.said, "\n"); !strings.Contains(said, "waits for a verdict") {
			t.Errorf("it said %q", said)
		}
		if result, err := follow(t.Context(), &c); err != nil || !result.Promoted {
			t.Errorf("taken up: %+v, %v", result, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{50}, began: time.Now()}
		if err := c.Hold(t.Context(), "backend", true); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := follow(ctx, &c); !errors.Is(err, context.DeadlineExceeded) || c.heldAt.IsZero() || c.aborted {
			t.Errorf("%v, held since %s, aborted %v", err, c.heldAt, c.aborted)
		}
	})
}

func TestPromoteWaitsForNoSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{10, 50, 75}, began: time.Now()}
		began := time.Now()
		if err := Promote(t.Context(), Options{Name: "backend", Rollouts: &c, Progress: voice{&c}}); err != nil {
			t.Fatal(err)
		}
		if state := c.state(); state.Stable != "b" || time.Since(began) > 2*time.Second {
			t.Errorf("%+v after %s", state, time.Since(began))
		}
	})
}

// The controller may be quicker than we are: it is told, and nothing is proven.
func TestLetThroughWithoutAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster{t: t, weights: []int{10, 75}, idle: true, deaf: true}
		result, err := follow(t.Context(), &c)
		if code(err) != fault.CanaryUnjudged || !result.Promoted || c.proven != "" {
			t.Errorf("%+v, proven %q, %v", result, c.proven, err)
		}
	})
}
