//go:build linux

package redis

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
)

// collector asks Redis at each scrape.
type collector struct {
	client *goredis.Client
	log    *slog.Logger

	mutex   sync.Mutex
	scrapes float64
	failed  bool // the last time, so that a Redis that is away is told of once
}

func newCollector(client *goredis.Client, log *slog.Logger) *collector {
	return &collector{client: client, log: log}
}

// Collect implements exporter.Source.
func (c *collector) Collect(ctx context.Context, metrics chan<- prometheus.Metric) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.scrapes++
	begun := time.Now()
	read, err := c.ask(ctx)
	up, failed := 1.0, 0.0
	if err != nil {
		up, failed = 0, 1
	}
	c.say(err)
	emit(metrics, sample{name: "redis_up", help: "Whether Redis answers.", kind: prometheus.GaugeValue, value: up})
	emit(metrics, sample{name: "redis_exporter_last_scrape_error", help: "Whether Redis failed to answer.", kind: prometheus.GaugeValue, value: failed})
	emit(metrics, sample{name: "redis_exporter_scrapes_total", help: "Scrapes so far.", kind: prometheus.CounterValue, value: c.scrapes})
	for _, one := range read {
		emit(metrics, one)
	}
	emit(metrics, sample{name: "redis_exporter_last_scrape_duration_seconds", help: "How long Redis was asked.", kind: prometheus.GaugeValue, value: time.Since(begun).Seconds()})
}

// ask reads INFO. What each command took is a section of its own, which not every
// Redis has.
func (c *collector) ask(ctx context.Context) ([]sample, error) {
	text, err := c.client.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	if commands, err := c.client.Info(ctx, "commandstats").Result(); err == nil {
		text += "\n" + commands
	}
	return parse(text, time.Now()), nil
}

func (c *collector) say(err error) {
	if failed := err != nil; failed != c.failed {
		c.failed = failed
		if failed {
			c.log.Warn("Redis doesn't answer", "error", err)
		} else {
			c.log.Info("Redis answers")
		}
	}
}

func emit(metrics chan<- prometheus.Metric, one sample) {
	desc := prometheus.NewDesc(one.name, one.help, one.labels, nil)
	metric, err := prometheus.NewConstMetric(desc, one.kind, one.value, one.values...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	metrics <- metric
}
