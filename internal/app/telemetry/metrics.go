package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pocctl/pocctl/internal/app/cache"
)

// Metrics is the service's own registry.
type Metrics struct {
	registry      *prometheus.Registry
	requests      *prometheus.HistogramVec
	inFlight      prometheus.Gauge
	panics        prometheus.Counter
	cacheUp       prometheus.Gauge
	reads         map[cache.Result]prometheus.Counter
	invalidations map[bool]prometheus.Counter
}

// durationBuckets, in seconds, have 0.3: the objective for latency is measured
// there, and an estimate between two others would not prove it.
func durationBuckets() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10}
}

// NewMetrics makes the registry, with the collectors of Go and the process.
func NewMetrics(version, commit, goVersion string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_server_request_duration_seconds",
			Help:    "How long requests took, from the first byte read to the last one written.",
			Buckets: durationBuckets(),
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_active_requests",
			Help: "Requests being answered now.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "http_server_panics_total",
			Help: "Requests whose handler panicked; each was answered with 500.",
		}),
	}
	m.cacheUp = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cache_up",
		Help: "0 while Redis is left alone because it failed, else 1.",
	})
	m.cacheUp.Set(1)
	reads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cache_requests_total",
		Help: "Cache reads by result: hit, miss, error (Redis didn't answer), bypass (it wasn't asked).",
	}, []string{"result"})
	m.reads = map[cache.Result]prometheus.Counter{}
	for _, result := range []cache.Result{cache.Hit, cache.Miss, cache.Failed, cache.Bypass} {
		m.reads[result] = reads.WithLabelValues(string(result))
	}
	invalidations := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cache_invalidations_total",
		Help: "Invalidations by result: done, or deferred until Redis answers.",
	}, []string{"result"})
	m.invalidations = map[bool]prometheus.Counter{
		true:  invalidations.WithLabelValues("done"),
		false: invalidations.WithLabelValues("deferred"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "app_build_info",
		Help:        "Always 1; the labels tell which build this is.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go": goVersion},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.inFlight, m.panics, m.cacheUp, reads, invalidations, build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds a collector. It panics if its metrics are there already.
func (m *Metrics) Register(collector prometheus.Collector) { m.registry.MustRegister(collector) }

// Handler serves the registry.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}

// RequestBegins counts a request in; the function it gives counts it out.
func (m *Metrics) RequestBegins() func(method, route string, status int, took time.Duration) {
	m.inFlight.Inc()
	return func(method, route string, status int, took time.Duration) {
		m.inFlight.Dec()
		m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// Panic counts a handler's panic.
func (m *Metrics) Panic() { m.panics.Inc() }

// CacheRead counts a read of the cache.
func (m *Metrics) CacheRead(result cache.Result) { m.reads[result].Inc() }

// CacheInvalidation counts an invalidation.
func (m *Metrics) CacheInvalidation(done bool) { m.invalidations[done].Inc() }

// CacheUp says whether Redis is in use.
func (m *Metrics) CacheUp(up bool) {
	value := 0.0
	if up {
		value = 1
	}
	m.cacheUp.Set(value)
}
