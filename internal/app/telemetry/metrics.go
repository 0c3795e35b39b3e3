package telemetry

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	standard "github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the service's own registry, and counts what it is told.
type Metrics struct {
	registry *prometheus.Registry
	requests
	calls
	clients clients
	caching
	jobs
	admission
	features
	tokens
	audits     audits
	tracesKept prometheus.Counter
}

// Build says which build it is.
type Build struct{ Version, Commit, Go string }

// durationBuckets, in seconds, have 0.3: the objective for latency is measured
// there, and an estimate between two others would not prove it. So have they
// 0.025, for the goal of p99.
func durationBuckets() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10}
}

// NewMetrics makes the registry, with the collectors of Go and the process.
func NewMetrics(build Build) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		tracesKept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "traces_kept_for_error_total",
			Help: "Traces that were kept because of an error alone.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "app_build_info",
		Help:        "Always 1; the labels tell which build this is.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "go": build.Go},
	})
	info.Set(1)
	m.registry.MustRegister(m.tracesKept, info, standard.NewGoCollector(),
		standard.NewProcessCollector(standard.ProcessCollectorOpts{}))
	m.requests = newRequests(m.registry)
	m.calls = newCalls(m.registry)
	m.clients = newClients(m.registry)
	m.caching = newCaching(m.registry)
	m.jobs = newJobs(m.registry)
	m.admission = newAdmission(m.registry)
	m.features = newFeatures(m.registry)
	m.tokens = newTokens(m.registry)
	m.audits = newAudits(m.registry)
	return m
}

// Register adds a collector. It panics if its metrics are there already.
func (m *Metrics) Register(collector prometheus.Collector) { m.registry.MustRegister(collector) }

// TraceKept counts a trace that was kept for an error.
func (m *Metrics) TraceKept() { m.tracesKept.Inc() }

// Served gathers what objectives are measured by, alone. With the Go runtime's
// metrics it would be twice the work.
func (m *Metrics) Served() prometheus.Gatherer {
	served := prometheus.NewRegistry()
	served.MustRegister(m.requestDuration, m.results)
	return served
}

// Handler serves the registry.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}

func counters(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.CounterVec {
	made := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	registry.MustRegister(made)
	return made
}

func gauges(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.GaugeVec {
	made := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	registry.MustRegister(made)
	return made
}

func durations(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.HistogramVec {
	made := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: durationBuckets()}, labels)
	registry.MustRegister(made)
	return made
}

// collectors are several as one.
type collectors []prometheus.Collector

// Describe implements prometheus.Collector.
func (c collectors) Describe(descriptions chan<- *prometheus.Desc) {
	for _, one := range c {
		one.Describe(descriptions)
	}
}

// Collect implements prometheus.Collector.
func (c collectors) Collect(metrics chan<- prometheus.Metric) {
	for _, one := range c {
		one.Collect(metrics)
	}
}

// prometheusName gives a label's name for that of an attribute.
func prometheusName(attribute string) string {
	return strings.NewReplacer(".", "_", "-", "_", "/", "_").Replace(attribute)
}

func okay(ok bool) string {
	if ok {
		return "ok"
	}
	return "failed"
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
