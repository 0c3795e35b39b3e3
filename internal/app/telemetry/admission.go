package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/limits"
)

// admission counts who is let in, and who is not.
type admission struct {
	decisions   map[decisionKey]prometheus.Counter
	leases      prometheus.ObserverVec
	shared      prometheus.Gauge
	shed        *prometheus.CounterVec
	concurrency *prometheus.GaugeVec
}

type decisionKey struct {
	budget  string
	source  limits.Source
	allowed bool
}

func newAdmission(registry *prometheus.Registry) admission {
	decisions := counters(registry, "rate_limit_decisions_total",
		"Decisions of rate limits by budget, outcome (allowed or limited), and who knew: redis, lease (what Redis said a moment ago) or local.",
		"budget", "outcome", "source")
	a := admission{
		decisions:   map[decisionKey]prometheus.Counter{},
		leases:      durations(registry, "rate_limit_lease_duration_seconds", "How long Redis took to give or refuse a lease.", "outcome"),
		shared:      gauges(registry, "rate_limit_shared", "1 while limits are shared by Redis, 0 while they are this process's own.").WithLabelValues(),
		shed:        counters(registry, "shed_requests_total", "Requests that were refused for want of room.", "lane", "reason"),
		concurrency: gauges(registry, "concurrency_limit", "How much is done at once, at most, now.", "lane"),
	}
	for _, budget := range []string{limits.Read.String(), limits.Write.String(), limits.AuthFailure.String(), "address"} {
		for _, source := range []limits.Source{limits.Redis, limits.Lease, limits.Local} {
			for _, allowed := range []bool{true, false} {
				outcome := "limited"
				if allowed {
					outcome = "allowed"
				}
				a.decisions[decisionKey{budget, source, allowed}] = decisions.WithLabelValues(budget, outcome, string(source))
			}
		}
	}
	for lane := range limits.DefaultLanes() {
		for _, reason := range []limits.Reason{limits.Full, limits.Waited, limits.Gone} {
			a.shed.WithLabelValues(string(lane), string(reason))
		}
	}
	a.shared.Set(1)
	return a
}

// Limited counts a decision.
func (a admission) Limited(budget string, source limits.Source, allowed bool) {
	if counter, known := a.decisions[decisionKey{budget, source, allowed}]; known {
		counter.Inc()
	}
}

// LeaseTaken measures a call to Redis.
func (a admission) LeaseTaken(took time.Duration, err error) {
	a.leases.WithLabelValues(okay(err == nil)).Observe(took.Seconds())
}

// LimiterUp says whether limits are shared.
func (a admission) LimiterUp(up bool) { a.shared.Set(number(up)) }

// Shed counts a request that was refused.
func (a admission) Shed(lane limits.Lane, reason limits.Reason) {
	a.shed.WithLabelValues(string(lane), string(reason)).Inc()
}

// Concurrency shows a lane's limit.
func (a admission) Concurrency(lane limits.Lane, limit int) {
	a.concurrency.WithLabelValues(string(lane)).Set(float64(limit))
}

// NewLanes collects how full the lanes of a shedder are, asked for when they are
// scraped.
func NewLanes(shedder *limits.Shedder) prometheus.Collector { return lanes{shedder} }

type lanes struct{ shedder *limits.Shedder }

func (lanes) descriptions() (inFlight, queued *prometheus.Desc) {
	return prometheus.NewDesc("concurrency_in_flight", "How much is being done now.", []string{"lane"}, nil),
		prometheus.NewDesc("concurrency_queued", "How much waits for its turn now.", []string{"lane"}, nil)
}

// Describe implements prometheus.Collector.
func (l lanes) Describe(descriptions chan<- *prometheus.Desc) {
	inFlight, queued := l.descriptions()
	descriptions <- inFlight
	descriptions <- queued
}

// Collect implements prometheus.Collector.
func (l lanes) Collect(metrics chan<- prometheus.Metric) {
	inFlight, queued := l.descriptions()
	for _, lane := range []limits.Lane{limits.Point, limits.Query, limits.Change, limits.Admin} {
		now := l.shedder.State(lane)
		metrics <- prometheus.MustNewConstMetric(inFlight, prometheus.GaugeValue, float64(now.InFlight), string(lane))
		metrics <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(now.Queued), string(lane))
	}
}
