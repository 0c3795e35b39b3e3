package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/load"
)

func objectives(t *testing.T) config.Objectives {
	t.Helper()
	made, err := config.ReadObjectives("slo.yaml", []byte(`objectives:
  - {name: latency-p95, indicator: latency, quantile: 0.95, target: "<300ms"}
  - {name: errors, indicator: error-rate, target: "<1%"}
  - {name: available, indicator: availability, target: ">=99.9%"}
  - {name: cache, indicator: cache-hit, target: ">85%"}
  - {name: database, indicator: database-cpu, target: "<70%"}
`))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// pod has counted so many requests and errors, of which the quick took at most 100 ms,
// some at most 300 ms, and the rest longer.
func pod(requests, failed, quick, some int64) canary.Pod {
	return canary.Pod{
		Requests: requests, Errors: failed, Sampled: time.Unix(1000, 0),
		Buckets: []canary.Bucket{{Bound: 0.01, Count: 0}, {Bound: 0.1, Count: quick}, {Bound: 0.3, Count: some}},
	}
}

// wire is what a load sent: its answers took what the histogram of a real one says.
func wire(t *testing.T, sent, answered, failed int64, took time.Duration) load.Wire {
	t.Helper()
	made := load.Wire{Sent: sent, Answered: answered, Statuses: map[string]int64{"200": answered - failed, "503": failed}}
	made.Service = load.Times(took)
	return made
}

func TestCompare(t *testing.T) {
	all := []string{"available", "cache", "errors", "latency-p95"}
	for name, test := range map[string]struct {
		wire          load.Wire
		before, after canary.Counters
		verdict       Verdict
		void          []string
		says          []string
	}{
		"the same": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond),
			canary.Counters{"a": pod(100, 1, 100, 100), "b": pod(50, 0, 50, 50)}, canary.Counters{"a": pod(600, 1, 600, 600), "b": pod(550, 0, 550, 550)},
			Agrees, nil, []string{"counted every request", "both saw the same", "the same as far as buckets tell: by its buckets, the service's lies between 10ms and 100ms"},
		},
		"a pod that came in between": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond),
			canary.Counters{"a": pod(100, 0, 100, 100)}, canary.Counters{"a": pod(600, 0, 600, 600), "b": pod(500, 0, 500, 500)},
			Agrees, nil, []string{"counted every request"},
		},
		"slow before the handler": {
			wire(t, 1000, 1000, 0, 180*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 0, 1000, 1000)},
			Agrees, nil, []string{"at least 80.1ms were spent in the network"},
		},
		"violated by what lies outside": {
			wire(t, 1000, 1000, 0, 450*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 0, 1000, 1000)},
			Differs, []string{"latency-p95"}, []string{"spent outside the service", "make the difference"},
		},
		"both too slow": {
			wire(t, 1000, 1000, 0, 450*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 0, 0, 0)},
			Agrees, nil, []string{"the service's is over 300ms"},
		},
		"quicker than the service": {
			wire(t, 1000, 1000, 0, 5*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 0, 0, 1000)},
			Differs, []string{"latency-p95"}, []string{"which can't be"},
		},
		"answered by something else": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(900, 0, 900, 900)},
			Differs, all, []string{"100 requests were answered that the service never counted"},
		},
		"a few are missing": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(995, 0, 995, 995)},
			Agrees, nil, []string{"5 are missing"},
		},
		"errors made by the ingress": {
			wire(t, 1000, 1000, 40, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(960, 0, 960, 960)},
			Agrees, nil, []string{"40 answers of 500 and above were made before the service", "40 were made before the service"},
		},
		"errors that something hides": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 30, 1000, 1000)},
			Differs, []string{"available", "errors"}, []string{"30 times more than the load saw"},
		},
		"given up on": {
			wire(t, 1000, 990, 0, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1000, 10, 1000, 1000)},
			Agrees, nil, []string{"answered 10 that nobody waited for", "10 failed after the load had given up"},
		},
		"others": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond), canary.Counters{}, canary.Counters{"a": pod(1100, 0, 1100, 1100)},
			NotCompared, nil, []string{"100 requests more than were sent: others used the service"},
		},
		"probes": {
			load.Wire{Sent: 100, Answered: 100, Service: load.Times(50 * time.Millisecond), From: time.Unix(0, 0), Until: time.Unix(10, 0)}, canary.Counters{}, canary.Counters{"a": pod(111, 0, 111, 111)},
			Agrees, nil, []string{"11 more than were sent: those of probes"},
		},
		"more than probes": {
			load.Wire{Sent: 100, Answered: 100, Service: load.Times(50 * time.Millisecond), From: time.Unix(0, 0), Until: time.Unix(10, 0)}, canary.Counters{}, canary.Counters{"a": pod(112, 0, 112, 112)},
			NotCompared, nil, []string{"12 requests more"},
		},
		"a pod that ended":       {wire(t, 9, 9, 0, time.Second), canary.Counters{"a": pod(1, 0, 1, 1)}, canary.Counters{"b": pod(1, 0, 1, 1)}, NotCompared, nil, []string{"pod a ended"}},
		"a pod that began again": {wire(t, 9, 9, 0, time.Second), canary.Counters{"a": pod(9, 0, 9, 9)}, canary.Counters{"a": pod(1, 0, 1, 1)}, NotCompared, nil, []string{"pod a started anew"}},
		"a pod that ended without requests": {
			wire(t, 1000, 1000, 0, 50*time.Millisecond), canary.Counters{"a": pod(100, 0, 100, 100), "old": pod(900, 0, 900, 900)}, canary.Counters{"a": pod(1100, 0, 1100, 1100)},
			Agrees, nil, []string{"counted every request"},
		},
		"nothing sent": {load.Wire{}, canary.Counters{}, canary.Counters{"a": pod(0, 0, 0, 0)}, NotCompared, nil, []string{"nothing was sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(test.wire, test.before, test.after, objectives(t))
			said := got.Reason
			for _, row := range got.Rows {
				said += "\n" + row.Explanation
				if row.Explanation == "" {
					t.Errorf("row %+v", row)
				}
			}
			var void []string
			for _, name := range []string{"available", "cache", "errors", "latency-p95"} {
				if got.Void[name] != "" {
					void = append(void, name)
				}
			}
			if got.Verdict != test.verdict || !cmp.Equal(void, test.void) {
				t.Errorf("%s, void %v; want %s, %v:\n%s", got.Verdict, void, test.verdict, test.void, said)
			}
			for _, text := range test.says {
				if !strings.Contains(said, text) {
					t.Errorf("it lacks %q:\n%s", text, said)
				}
			}
			if _, err := json.Marshal(got); err != nil { // no infinite bound gets into it
				t.Error(err)
			}
		})
	}
}

// scrapes is a Prometheus that scrapes each pod every two seconds.
type scrapes struct {
	begin time.Time
	stale map[string]bool // not scraped any more
	err   error
	since time.Duration // nothing is known before
}

func (s scrapes) ReadAll(context.Context) (canary.Counters, error) {
	if s.err != nil {
		return nil, s.err
	}
	now := time.Since(s.begin)
	made := canary.Counters{}
	for name, offset := range map[string]time.Duration{"a": 0, "b": 700 * time.Millisecond} {
		at := (now - offset).Truncate(2*time.Second) + offset
		if s.stale[name] {
			at = 0
		}
		if s.since > now {
			continue
		}
		made[name] = canary.Pod{Requests: int64(at / time.Millisecond), Sampled: s.begin.Add(at)}
	}
	if len(made) == 0 {
		return nil, canary.ErrNoSeries
	}
	return made, nil
}

func TestSettle(t *testing.T) {
	patience := Patience{Between: 100 * time.Millisecond, Most: 10 * time.Second}
	boom := errors.New("boom")
	for name, test := range map[string]struct {
		stale map[string]bool
		err   error
		pods  int
		takes time.Duration
		since time.Duration
		fails error
	}{
		"all are scraped anew": {nil, nil, 2, 2100 * time.Millisecond, 0, nil},
		"one is gone":          {map[string]bool{"b": true}, nil, 1, patience.Most, 0, nil},
		"nobody scrapes":       {map[string]bool{"a": true, "b": true}, nil, 0, patience.Most, 0, errStale},
		"deployed just now":    {nil, nil, 2, 5 * time.Second, 4 * time.Second, nil},
		"never scraped":        {nil, nil, 0, patience.Most, time.Hour, errStale},
		"away":                 {nil, boom, 0, 0, 0, boom},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := scrapes{begin: time.Now().Add(-time.Second), stale: test.stale, err: test.err, since: test.since}
				start := time.Now()
				got, err := Settle(t.Context(), source, patience)
				if !errors.Is(err, test.fails) || len(got) != test.pods || time.Since(start) > test.takes {
					t.Errorf("%d pods after %s, %v; want %d within %s, %v", len(got), time.Since(start), err, test.pods, test.takes, test.fails)
				}
				for name, pod := range got {
					if pod.Sampled.Before(start) {
						t.Errorf("%s was scraped before", name)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if _, err := Settle(ctx, scrapes{begin: time.Now()}, patience); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cut short: %v", err)
		}
	})
}
