package slo

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
)

func objectives(t *testing.T) config.Objectives {
	t.Helper()
	data, err := os.ReadFile("../../../config/slo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read, err := config.ReadObjectives("slo.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// latencies is a distribution of which a share is over every limit.
type latencies struct {
	samples, slow int64
	at            float64
}

func (l latencies) At(float64) float64    { return l.at }
func (l latencies) AtLeast(float64) int64 { return l.slow }
func (l latencies) Samples() int64        { return l.samples }

func TestEvaluate(t *testing.T) {
	clean := func(n int64) Measurement {
		return Measurement{Requests: n, CacheHits: n, Latency: latencies{samples: n, at: 12}}
	}
	for name, test := range map[string]struct {
		measurement Measurement
		want        map[string]Verdict
		code        fault.Code // of Judge; empty for no error
	}{
		"nothing measured": {
			Measurement{},
			map[string]Verdict{"latency-p95": Insufficient, "error-rate": Insufficient, "availability": Insufficient, "cache-hit": Insufficient},
			fault.DataInsufficient,
		},
		"all clean": {
			clean(3000),
			map[string]Verdict{"latency-p95": Met, "error-rate": Met, "availability": Met, "cache-hit": Met},
			"",
		},
		"below the rule of three": {
			clean(2994),
			map[string]Verdict{"latency-p95": Met, "error-rate": Met, "availability": Insufficient, "cache-hit": Met},
			fault.DataInsufficient,
		},
		"one error of ninety shows nothing": {
			Measurement{Requests: 90, Failed: 1, CacheHits: 90, Latency: latencies{samples: 89, at: 12}},
			map[string]Verdict{"latency-p95": Met, "error-rate": Insufficient, "availability": Insufficient, "cache-hit": Met},
			fault.DataInsufficient,
		},
		"a failure takes more than three thousand": {
			Measurement{Requests: 3000, Failed: 1, Unavailable: 1, CacheHits: 3000, Latency: latencies{samples: 2999, at: 12}},
			map[string]Verdict{"latency-p95": Met, "error-rate": Met, "availability": Insufficient, "cache-hit": Met},
			fault.DataInsufficient,
		},
		"a failure in five thousand": {
			Measurement{Requests: 5000, Failed: 1, Unavailable: 1, CacheHits: 5000, Latency: latencies{samples: 4999, at: 12}},
			map[string]Verdict{"latency-p95": Met, "error-rate": Met, "availability": Met, "cache-hit": Met},
			"",
		},
		"slow": {
			Measurement{Requests: 9000, CacheHits: 9000, Latency: latencies{samples: 9000, slow: 600, at: 412}},
			map[string]Verdict{"latency-p95": Violated, "error-rate": Met, "availability": Met, "cache-hit": Met},
			fault.ObjectiveViolated,
		},
		"an outage": {
			Measurement{Requests: 9000, Failed: 9000, Unavailable: 9000},
			map[string]Verdict{"latency-p95": Insufficient, "error-rate": Violated, "availability": Violated, "cache-hit": Insufficient},
			fault.ObjectiveViolated,
		},
		"a cold cache": {
			Measurement{Requests: 9000, CacheHits: 4500, CacheMisses: 1800, Latency: latencies{samples: 9000, at: 12}},
			map[string]Verdict{"latency-p95": Met, "error-rate": Met, "availability": Met, "cache-hit": Violated},
			fault.ObjectiveViolated,
		},
		"refused by the client's own fault": { // 4xx: an error, yet the service was there
			Measurement{Requests: 9000, Failed: 400, CacheHits: 9000, Latency: latencies{samples: 8600, at: 12}},
			map[string]Verdict{"latency-p95": Met, "error-rate": Violated, "availability": Met, "cache-hit": Met},
			fault.ObjectiveViolated,
		},
	} {
		t.Run(name, func(t *testing.T) {
			results := Evaluate(objectives(t), test.measurement)
			if len(results) != len(test.want) {
				t.Fatalf("%d results, want %d", len(results), len(test.want))
			}
			for _, result := range results {
				if result.Verdict != test.want[result.Name] {
					t.Errorf("%s is %s (%s), want %s", result.Name, result.Verdict, result.Reason, test.want[result.Name])
				}
				if (result.Reason == "") != (result.Verdict == Met) {
					t.Errorf("%s is %s for the reason %q", result.Name, result.Verdict, result.Reason)
				}
			}
			err := Judge(results, 30*time.Second)
			if code := codeOf(err); code != test.code {
				t.Errorf("judged as %q (%v), want %q", code, err, test.code)
			}
		})
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func TestJudgeWithoutResults(t *testing.T) {
	if code := codeOf(Judge(nil, time.Minute)); code != fault.DataInsufficient {
		t.Errorf("got %q, want %q", code, fault.DataInsufficient)
	}
}

func TestJudgeAdvisesADuration(t *testing.T) {
	for name, test := range map[string]struct {
		result Result
		want   string
	}{
		"at the pace so far": {Result{Name: "a", Verdict: Insufficient, Samples: 1500, Needed: 3000}, "run longer: --duration 80s"},
		"in minutes":         {Result{Name: "a", Verdict: Insufficient, Samples: 1500, Needed: 6000}, "run longer: --duration 150s"},
		"nothing yet":        {Result{Name: "a", Verdict: Insufficient, Needed: 3000}, "run longer: --duration 10s"},
		"hopeless":           {Result{Name: "a", Verdict: Insufficient, Samples: 1500}, "run longer: --duration 1h"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.From(Judge([]Result{test.result}, 30*time.Second)).Fix; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNeeded(t *testing.T) {
	for name, test := range map[string]struct {
		bad, n    int64
		limit     float64
		low, high int64 // where the answer lies
	}{
		"nothing yet":       {0, 0, 0.001, 2995, 2995},
		"the rule of three": {0, 500, 0.001, 2995, 2995},
		"half the limit":    {5, 10_000, 0.001, 7_000, 14_000},
		"close to it":       {9, 10_000, 0.001, 200_000, 400_000},
		"at it":             {10, 10_000, 0.001, 0, 0},
		"beyond it":         {13, 1_000, 0.01, 2_000, 5_000},
	} {
		t.Run(name, func(t *testing.T) {
			if got := needed(test.bad, test.n, test.limit); got < test.low || got > test.high {
				t.Errorf("got %d, want from %d to %d", got, test.low, test.high)
			}
		})
	}
}

func TestAtMost(t *testing.T) {
	for _, test := range []struct {
		k, n int64
		p    float64
		want float64 // from the definition, by exact arithmetic
	}{
		{0, 10, 0.1, 0.3486784401},
		{1, 10, 0.1, 0.7360989291},
		{5, 10, 0.5, 0.623046875},
		{10, 10, 0.5, 1},
		{0, 2995, 0.001, 0.0499625},
	} {
		if got := atMost(test.k, test.n, test.p); got < test.want-1e-6 || got > test.want+1e-6 {
			t.Errorf("P(X <= %d | %d, %v) = %v, want %v", test.k, test.n, test.p, got, test.want)
		}
	}
	if got := atMost(9_000, 1_000_000, 0.01); got > 1e-9 {
		t.Errorf("a million samples: %v", got)
	}
}

func TestAnnul(t *testing.T) {
	results := []Result{{Name: "a", Verdict: Violated, Reason: "slow"}, {Name: "b", Verdict: Met}, {Name: "c", Verdict: Insufficient, Needed: 9}}
	got := Annul(results, map[string]string{"b": "they differ", "c": "they differ, too"})
	if got[0] != results[0] || got[1].Verdict != Insufficient || got[1].Void != "they differ" || got[2].Needed != 0 || results[1].Verdict != Met {
		t.Errorf("got %+v of %+v", got, results)
	}
	problem := fault.From(Judge(got, time.Minute))
	if problem.Code != fault.MeasurementVoid || fault.ExitCode(problem) != fault.ExitVoid || !strings.Contains(problem.Message, "b, c") {
		t.Errorf("judged as %+v", problem)
	}
	if diff := cmp.Diff(results, Annul(results, nil)); diff != "" {
		t.Errorf("nothing void: %s", diff)
	}
}
