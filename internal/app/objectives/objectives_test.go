package objectives_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/pocctl/pocctl/internal/app/objectives"
)

// began is when the tests' processes did.
var began = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("east", 3600))

// metrics are a registry with what objectives are measured by.
type metrics struct {
	*prometheus.Registry
	requests *prometheus.HistogramVec
	reads    *prometheus.CounterVec
}

func newMetrics() metrics {
	m := metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Help: "Requests.", Buckets: []float64{0.01, 0.2, 0.3, 1},
		}, []string{"http_route", "http_response_status_code", "error_type"}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cache_requests_total", Help: "Reads."}, []string{"result", "tier"}),
	}
	other := prometheus.NewCounter(prometheus.CounterOpts{Name: "audit_entries_total", Help: "Something else."})
	other.Add(99)
	m.MustRegister(m.requests, m.reads, other)
	return m
}

// serve has a route answer a number of requests, each in so many seconds.
func (m metrics) serve(number int, route, status string, seconds float64) {
	kind := ""
	if status[0] == '5' {
		kind = status
	}
	for range number {
		m.requests.WithLabelValues(route, status, kind).Observe(seconds)
	}
}

// list gives the states of some objectives.
func (m metrics) list(t *testing.T, all ...objectives.Objective) []objectives.State {
	t.Helper()
	made, err := objectives.New(objectives.Options{Objectives: all, Metrics: m, Since: began})
	if err != nil {
		t.Fatal(err)
	}
	states, err := made.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return states
}

const product = "/api/v1/products/:id"

func latency(quantile, milliseconds float64) objectives.Objective {
	return objectives.Objective{
		Name: "latency", Indicator: objectives.Latency, Quantile: quantile,
		Limit: objectives.Limit{Operator: "<", Value: milliseconds, Unit: "ms"},
	}
}

func percent(indicator, operator string, limit float64) objectives.Objective {
	return objectives.Objective{Name: indicator, Indicator: indicator, Limit: objectives.Limit{Operator: operator, Value: limit, Unit: "%"}}
}

func TestWhatWasSeenIsMeasured(t *testing.T) {
	type want struct {
		events, bad uint64
		met         bool
	}
	for name, test := range map[string]struct {
		objective objectives.Objective
		happens   func(metrics)
		want      *want
	}{
		"nothing": {latency(0.95, 300), func(metrics) {}, nil},
		"probes and scrapes alone": {percent(objectives.Availability, ">=", 99.9), func(m metrics) {
			m.serve(5, "/readyz", "503", 0.1)
			m.serve(5, "/metrics", "200", 0.1)
			m.serve(5, "unmatched", "404", 0.1)
			m.serve(5, "/apis", "500", 0.1)
		}, nil},
		"reads that are only announced": {percent(objectives.CacheHit, ">", 85), func(m metrics) {
			m.reads.WithLabelValues("hit", "local")
			m.reads.WithLabelValues("miss", "store")
		}, nil},
		"what the service doesn't measure": {percent("database-cpu", "<", 70), func(m metrics) { m.serve(9, product, "200", 0.1) }, nil},

		"latency, all quick": {latency(0.95, 300), func(m metrics) { m.serve(20, product, "200", 0.1) }, &want{20, 0, true}},
		"latency, as many slow as may be": {latency(0.95, 300), func(m metrics) {
			m.serve(19, product, "200", 0.1)
			m.serve(1, "/api/v1/orders", "201", 0.31)
		}, &want{20, 1, true}},
		"latency, one too many": {latency(0.95, 300), func(m metrics) {
			m.serve(18, product, "200", 0.1)
			m.serve(2, product, "200", 0.31)
		}, &want{20, 2, false}},
		"latency at the bound of the bucket":   {latency(0.95, 300), func(m metrics) { m.serve(1, product, "200", 0.3) }, &want{1, 0, true}},
		"latency beyond all buckets":           {latency(0.5, 300), func(m metrics) { m.serve(1, product, "200", 60) }, &want{1, 1, false}},
		"latency of errors, which counts, too": {latency(0.95, 300), func(m metrics) { m.serve(1, product, "503", 5) }, &want{1, 1, false}},
		"latency between two buckets":          {latency(0.95, 250), func(m metrics) { m.serve(20, product, "200", 0.1) }, nil},

		"errors, none": {percent(objectives.ErrorRate, "<", 1), func(m metrics) { m.serve(10, product, "404", 0.1) }, &want{10, 0, true}},
		"errors, exactly what has to be stayed below": {percent(objectives.ErrorRate, "<", 1), func(m metrics) {
			m.serve(99, product, "200", 0.1)
			m.serve(1, product, "500", 0.1)
		}, &want{100, 1, false}},
		"errors, exactly the most": {percent(objectives.ErrorRate, "<=", 1), func(m metrics) {
			m.serve(99, product, "200", 0.1)
			m.serve(1, product, "504", 0.1)
		}, &want{100, 1, true}},
		"errors that aren't the service's": {percent(objectives.ErrorRate, "<", 1), func(m metrics) {
			m.requests.WithLabelValues(product, "429", "429").Observe(0.1)
			m.requests.WithLabelValues(product, "400", "invalid").Observe(0.1)
		}, &want{2, 0, true}},
		"errors of several routes": {percent(objectives.ErrorRate, "<", 1), func(m metrics) {
			m.serve(1, product, "500", 0.1)
			m.serve(2, "/api/v1/orders", "503", 0.1)
			m.serve(7, "/api/v1/orders", "200", 0.1)
		}, &want{10, 3, false}},

		"availability, exactly as much as has to be": {percent(objectives.Availability, ">=", 99.9), func(m metrics) {
			m.serve(999, product, "200", 0.1)
			m.serve(1, product, "500", 0.1)
		}, &want{1000, 1, true}},
		"availability, exactly what has to be passed": {percent(objectives.Availability, ">", 99.9), func(m metrics) {
			m.serve(999, product, "200", 0.1)
			m.serve(1, product, "500", 0.1)
		}, &want{1000, 1, false}},
		"availability, one too many": {percent(objectives.Availability, ">=", 99.9), func(m metrics) {
			m.serve(998, product, "200", 0.1)
			m.serve(2, product, "500", 0.1)
		}, &want{1000, 2, false}},

		"hits of both tiers": {percent(objectives.CacheHit, ">", 85), func(m metrics) {
			m.reads.WithLabelValues("hit", "local").Add(80)
			m.reads.WithLabelValues("hit", "redis").Add(6)
			m.reads.WithLabelValues("miss", "store").Add(14)
		}, &want{100, 14, true}},
		"hits, exactly what has to be passed": {percent(objectives.CacheHit, ">", 85), func(m metrics) {
			m.reads.WithLabelValues("hit", "local").Add(85)
			m.reads.WithLabelValues("miss", "store").Add(15)
		}, &want{100, 15, false}},
		"every read that is no hit": {percent(objectives.CacheHit, ">", 85), func(m metrics) {
			for i, result := range []string{"hit", "miss", "error", "bypass"} {
				m.reads.WithLabelValues(result, "store").Add(float64(i + 1))
			}
		}, &want{10, 9, false}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics()
			test.happens(m)
			state := m.list(t, test.objective)[0]
			var wanted *objectives.Measured
			if test.want != nil {
				wanted = &objectives.Measured{
					Since: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), Events: test.want.events, Bad: test.want.bad,
					Ratio: float64(test.want.bad) / float64(test.want.events), Met: test.want.met,
				}
			}
			if state.Measured != nil && state.Measured.Since.Location() != time.UTC {
				t.Errorf("the time is that of %s", state.Measured.Since.Location())
			}
			if diff := cmp.Diff(wanted, state.Measured); diff != "" {
				t.Errorf("measured (-want +got):\n%s", diff)
			}
		})
	}
}

// Each objective is what it was given as, in the given order, whether measured or not.
func TestObjectivesAreGivenAsTheyAre(t *testing.T) {
	all := []objectives.Objective{
		{
			Name: "latency-p95", Description: "quick", Indicator: "latency", Source: "load", Quantile: 0.95, Target: "<0.3s",
			Limit: objectives.Limit{Operator: "<", Value: 300, Unit: "ms"},
		},
		{
			Name: "deployments", Description: "they end well", Indicator: "deployment-success", Source: "deployments", Target: ">98%",
			Limit: objectives.Limit{Operator: ">", Value: 98, Unit: "%"},
		},
	}
	want := []objectives.State{{Objective: all[0]}, {Objective: all[1]}}
	if diff := cmp.Diff(want, newMetrics().list(t, all...)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if got := newMetrics().list(t); got == nil || len(got) != 0 {
		t.Errorf("no objectives are given as %#v", got)
	}
}

// What happens between two looks is in the second.
func TestEveryLookIsAtThatMoment(t *testing.T) {
	m := newMetrics()
	made, err := objectives.New(objectives.Options{Objectives: []objectives.Objective{percent(objectives.ErrorRate, "<", 1)}, Metrics: m, Since: began})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m.serve(1, product, "500", 0.1)
		states, err := made.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := states[0].Measured; got == nil || got.Events != uint64(i+1) || got.Bad != got.Events || got.Ratio != 1 {
			t.Errorf("after %d failures: %+v", i+1, got)
		}
	}
}

func TestObjectivesThatCannotBeJudgedAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		objective objectives.Objective
		want      string // in the error; empty for none
	}{
		"no operator":                    {percent(objectives.ErrorRate, "", 1), `objective error-rate: the operator is ""`},
		"another operator":               {percent(objectives.CacheHit, "==", 85), `objective cache-hit: the operator is "=="`},
		"no number":                      {percent(objectives.Availability, ">", math.NaN()), "objective availability: the limit is NaN"},
		"no end":                         {percent(objectives.Availability, ">", math.Inf(1)), "objective availability: the limit is +Inf"},
		"no quantile":                    {latency(0, 300), "objective latency: the quantile is 0"},
		"all requests":                   {latency(1, 300), "objective latency: the quantile is 1"},
		"a quantile that is no number":   {latency(math.NaN(), 300), "objective latency: the quantile is NaN"},
		"what isn't judged here anyway":  {percent("database-cpu", "==", 70), ""},
		"a good one":                     {latency(0.999, 300), ""},
		"one with a limit far from zero": {percent(objectives.ErrorRate, "<=", 1e-300), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := objectives.New(objectives.Options{Objectives: []objectives.Objective{test.objective}, Metrics: newMetrics(), Since: began})
			if test.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestMetricsThatCannotBeReadAreAnError(t *testing.T) {
	broken := errors.New("a collector failed")
	made, err := objectives.New(objectives.Options{
		Objectives: []objectives.Objective{latency(0.95, 300)}, Since: began,
		Metrics: prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, broken }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if states, err := made.List(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v and %v, want the collector's error", states, err)
	}
}
