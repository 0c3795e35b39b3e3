package telemetry

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// clients measures what is asked of Postgres and Redis.
type clients struct {
	operations *prometheus.HistogramVec
	waits      *prometheus.HistogramVec
	creations  *prometheus.HistogramVec
	pending    *prometheus.GaugeVec
	timeouts   *prometheus.CounterVec
}

const (
	poolLabel  = "db_client_connection_pool_name"
	stateLabel = "db_client_connection_state"
)

func newClients(registry *prometheus.Registry) clients {
	return clients{
		operations: durations(registry, "db_client_operation_duration_seconds",
			"How long Postgres and Redis took to answer. error_type is Postgres' code, or how it wasn't reached.",
			"db_system_name", "db_operation_name", "error_type"),
		waits:     durations(registry, "db_client_connection_wait_time_seconds", "How long it took to get a connection of the pool.", poolLabel),
		creations: durations(registry, "db_client_connection_create_time_seconds", "How long it took to make a connection.", poolLabel),
		pending:   gauges(registry, "db_client_connection_pending_requests", "Who waits for a connection of the pool now.", poolLabel),
		timeouts:  counters(registry, "db_client_connection_timeouts_total", "Waits for a connection of the pool that took too long.", poolLabel),
	}
}

type operationKey struct{ system, operation, fault string }

func (c *clients) operation(known *lookup[operationKey, prometheus.Observer], key operationKey) prometheus.Observer {
	return known.get(key, func() prometheus.Observer {
		return c.operations.WithLabelValues(key.system, key.operation, key.fault)
	})
}

// pool is the state of a pool, asked for when it is scraped.
type pool struct {
	name string
	look func() poolState
}

type poolState struct{ idle, used, most float64 }

// NewPool collects the state of Postgres' pool.
func NewPool(stat func() *pgxpool.Stat) prometheus.Collector {
	return pool{postgresName, func() poolState {
		s := stat()
		return poolState{float64(s.IdleConns()), float64(s.AcquiredConns() + s.ConstructingConns()), float64(s.MaxConns())}
	}}
}

func newRedisPool(client *redis.Client) prometheus.Collector {
	return pool{redisName, func() poolState {
		s := client.PoolStats()
		return poolState{float64(s.IdleConns), float64(s.TotalConns - min(s.IdleConns, s.TotalConns)), float64(client.Options().PoolSize)}
	}}
}

// Both pools have the same metrics: each collector describes them with its own name.
func (p pool) descriptions() (count, most *prometheus.Desc) {
	name := prometheus.Labels{poolLabel: p.name}
	return prometheus.NewDesc("db_client_connection_count", "Connections of the pool by state: idle or used.", []string{stateLabel}, name),
		prometheus.NewDesc("db_client_connection_max", "The most connections that the pool may hold.", nil, name)
}

// Describe implements prometheus.Collector.
func (p pool) Describe(descriptions chan<- *prometheus.Desc) {
	count, most := p.descriptions()
	descriptions <- count
	descriptions <- most
}

// Collect implements prometheus.Collector.
func (p pool) Collect(metrics chan<- prometheus.Metric) {
	count, most := p.descriptions()
	now := p.look()
	metrics <- prometheus.MustNewConstMetric(count, prometheus.GaugeValue, now.idle, "idle")
	metrics <- prometheus.MustNewConstMetric(count, prometheus.GaugeValue, now.used, "used")
	metrics <- prometheus.MustNewConstMetric(most, prometheus.GaugeValue, now.most)
}
