package telemetry

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Pool collects the state of the database pool, asked for when it is scraped.
type Pool struct {
	stat        func() *pgxpool.Stat
	connections *prometheus.Desc
	limit       *prometheus.Desc
	acquires    *prometheus.Desc
	waits       *prometheus.Desc
	waited      *prometheus.Desc
	canceled    *prometheus.Desc
}

// NewPool makes a collector of stat.
func NewPool(stat func() *pgxpool.Stat) *Pool {
	return &Pool{
		stat:        stat,
		connections: prometheus.NewDesc("db_pool_connections", "Connections by state: idle, used or connecting.", []string{"state"}, nil),
		limit:       prometheus.NewDesc("db_pool_max_connections", "The most connections the pool may hold.", nil, nil),
		acquires:    prometheus.NewDesc("db_pool_acquires_total", "Connections taken from the pool.", nil, nil),
		waits:       prometheus.NewDesc("db_pool_waits_total", "Times that no connection was idle.", nil, nil),
		waited:      prometheus.NewDesc("db_pool_wait_seconds_total", "Time spent waiting for a connection.", nil, nil),
		canceled:    prometheus.NewDesc("db_pool_canceled_acquires_total", "Waits given up by the caller.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (p *Pool) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{p.connections, p.limit, p.acquires, p.waits, p.waited, p.canceled} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector.
func (p *Pool) Collect(metrics chan<- prometheus.Metric) {
	stat := p.stat()
	send := func(description *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(description, kind, value, labels...)
	}
	send(p.connections, prometheus.GaugeValue, float64(stat.IdleConns()), "idle")
	send(p.connections, prometheus.GaugeValue, float64(stat.AcquiredConns()), "used")
	send(p.connections, prometheus.GaugeValue, float64(stat.ConstructingConns()), "connecting")
	send(p.limit, prometheus.GaugeValue, float64(stat.MaxConns()))
	send(p.acquires, prometheus.CounterValue, float64(stat.AcquireCount()))
	send(p.waits, prometheus.CounterValue, float64(stat.EmptyAcquireCount()))
	send(p.waited, prometheus.CounterValue, stat.EmptyAcquireWaitTime().Seconds())
	send(p.canceled, prometheus.CounterValue, float64(stat.CanceledAcquireCount()))
}
