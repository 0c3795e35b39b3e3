package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/queue"
)

// jobs measures the queue.
type jobs struct {
	durations prometheus.ObserverVec
	depth     *prometheus.GaugeVec
	lag       prometheus.Gauge
}

func newJobs(registry *prometheus.Registry) jobs {
	return jobs{
		durations: durations(registry, "messaging_process_duration_seconds",
			"How long attempts at jobs took, by kind and outcome: worked, retry (to be tried again) or dead (given up).",
			"messaging_destination_name", "outcome"),
		depth: gauges(registry, "queue_jobs", "Jobs by state; discarded and cancelled ones are dead letters.", "state"),
		lag:   gauges(registry, "queue_lag_seconds", "How long the oldest job that could be worked on has been waiting.").WithLabelValues(),
	}
}

// JobWorked measures an attempt.
func (j jobs) JobWorked(kind string, outcome queue.Outcome, took time.Duration) {
	j.durations.WithLabelValues(kind, string(outcome)).Observe(took.Seconds())
}

// QueueSampled shows depth and lag.
func (j jobs) QueueSampled(depth map[string]int64, lag time.Duration) {
	for state, count := range depth {
		j.depth.WithLabelValues(state).Set(float64(count))
	}
	j.lag.Set(lag.Seconds())
}
