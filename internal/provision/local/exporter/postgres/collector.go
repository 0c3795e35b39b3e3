//go:build linux

package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// timeout bounds a connection's start, and each statement in the server.
const timeout = 5 * time.Second

// collector asks Postgres at each scrape, over one connection that it keeps.
type collector struct {
	connect *pgx.ConnConfig
	log     *slog.Logger

	mutex  sync.Mutex
	kept   *pgx.Conn
	failed bool // the last time, so that a Postgres that is away is told of once
}

func newCollector(connect *pgx.ConnConfig, log *slog.Logger) *collector {
	return &collector{connect: connect, log: log}
}

// Collect implements exporter.Source.
func (c *collector) Collect(ctx context.Context, metrics chan<- prometheus.Metric) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	begun := time.Now()
	connection, err := c.connection(ctx)
	c.say(err)
	up, failed := 0.0, 1.0
	if err == nil {
		up, failed = 1, 0
		for _, one := range queries() {
			success := 1.0
			if err := c.collect(ctx, connection, one, metrics); err != nil {
				c.log.Warn("ask Postgres", "collector", one.name, "error", err)
				success, failed = 0, 1
			}
			emit(metrics, prometheus.GaugeValue, "pg_scrape_collector_success", "Whether a collector got its answer.", success, []string{"collector"}, one.name)
		}
	}
	emit(metrics, prometheus.GaugeValue, "pg_up", "Whether Postgres takes connections.", up, nil)
	emit(metrics, prometheus.GaugeValue, "pg_exporter_last_scrape_error", "Whether anything could not be asked.", failed, nil)
	emit(metrics, prometheus.GaugeValue, "pg_exporter_last_scrape_duration_seconds", "How long Postgres was asked.", time.Since(begun).Seconds(), nil)
}

// connection gives the kept one if it still works, or another.
func (c *collector) connection(ctx context.Context) (*pgx.Conn, error) {
	if c.kept != nil {
		if c.kept.Ping(ctx) == nil {
			return c.kept, nil
		}
		_ = c.kept.Close(ctx)
		c.kept = nil
	}
	fresh, err := pgx.ConnectConfig(ctx, c.connect)
	if err != nil {
		return nil, err
	}
	c.kept = fresh
	return fresh, nil
}

// collect asks one query, whose columns are first labels, then values.
func (c *collector) collect(ctx context.Context, connection *pgx.Conn, one query, metrics chan<- prometheus.Metric) error {
	rows, err := connection.Query(ctx, one.sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	labels := one.labels
	if one.server {
		labels = append([]string{"server"}, labels...)
	}
	for rows.Next() {
		texts, values := make([]*string, len(one.labels)), make([]*float64, len(one.values))
		targets := make([]any, 0, len(texts)+len(values))
		for i := range texts {
			targets = append(targets, &texts[i])
		}
		for i := range values {
			targets = append(targets, &values[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		named := make([]string, 0, len(labels))
		if one.server {
			named = append(named, fmt.Sprintf("%s:%d", c.connect.Host, c.connect.Port))
		}
		for _, text := range texts {
			if text == nil {
				text = new(string)
			}
			named = append(named, *text)
		}
		for i, value := range values {
			if value != nil { // NULL is not known
				emit(metrics, one.values[i].kind, one.values[i].name, one.values[i].help, *value, labels, named...)
			}
		}
	}
	return rows.Err()
}

func (c *collector) say(err error) {
	if failed := err != nil; failed != c.failed {
		c.failed = failed
		if failed {
			c.log.Warn("Postgres takes no connection", "error", err)
		} else {
			c.log.Info("Postgres takes connections")
		}
	}
}

func (c *collector) close(ctx context.Context) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.kept != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.kept.Close(ending)
	}
}

func emit(metrics chan<- prometheus.Metric, kind prometheus.ValueType, name, help string, value float64, labels []string, values ...string) {
	desc := prometheus.NewDesc(name, help, labels, nil)
	metric, err := prometheus.NewConstMetric(desc, kind, value, values...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	metrics <- metric
}
