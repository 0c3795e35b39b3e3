package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/queue"
)

// jobs measures the queue.
type jobs struct {
	attempts *prometheus.HistogramVec
	depth    *prometheus.GaugeVec
	lag      prometheus.Gauge
	sampled  prometheus.Gauge
}

func newJobs(registry *prometheus.Registry) jobs {
	return jobs{
		attempts: durations(registry, "messaging_process_duration_seconds",
			"How long attempts at jobs took, by kind and outcome: worked, retry (to be tried again) or dead (given up).",
			"messaging_destination_name", "outcome"),
		depth:   gauges(registry, "queue_jobs", "Jobs of all processes by state; discarded and cancelled ones are dead letters.", "state"),
		lag:     gauges(registry, "queue_lag_seconds", "How long the oldest job that could be worked on has been waiting.").WithLabelValues(),
		sampled: gauges(registry, "queue_sampled_timestamp_seconds", "When queue_jobs and queue_lag_seconds were last looked at, in seconds since 1970.").WithLabelValues(),
	}
}

// JobWorked measures an attempt.
func (j jobs) JobWorked(kind string, outcome queue.Outcome, took time.Duration) {
	j.attempts.WithLabelValues(kind, string(outcome)).Observe(took.Seconds())
}

// QueueSampled shows depth and lag.
func (j jobs) QueueSampled(depth map[string]int64, lag time.Duration) {
	for state, count := range depth {
		j.depth.WithLabelValues(state).Set(float64(count))
	}
	j.lag.Set(lag.Seconds())
	j.sampled.SetToCurrentTime()
}
