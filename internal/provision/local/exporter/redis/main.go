//go:build linux

// Package redis gives metrics of a Redis by the names of redis_exporter, for whose
// image it stands where images aren't pulled: those of INFO that dashboards and
// alerts are written for. It is a program of pocctl's own; docs/adr/0026 says why.
package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/pocctl/pocctl/internal/provision/local/exporter"
)

// Main serves until the context ends. REDIS_ADDR, REDIS_USER and REDIS_PASSWORD say
// where Redis is, as they do to the official image.
func Main(ctx context.Context, options exporter.Options) error {
	options = options.Defaults()
	flags := exporter.NewFlags("redis_exporter", "0.0.0.0:9121", "log-level")
	address := flags.String("redis.addr", "", "")
	if err := flags.Read(options.Args); err != nil {
		return fmt.Errorf("start the Redis exporter: %w", err)
	}
	log, err := exporter.Logger(options, flags.Level)
	if err != nil {
		return fmt.Errorf("start the Redis exporter: %w", err)
	}
	connect, err := connection(options, *address)
	if err != nil {
		return fmt.Errorf("start the Redis exporter: %w", err)
	}
	client := goredis.NewClient(connect)
	defer func() { _ = client.Close() }()
	metrics := exporter.Scrapes(exporter.Registry(), newCollector(client, log))
	return exporter.Serve(ctx, flags.Listen, options.Address, exporter.Routes(flags.Path, metrics), log)
}

// connection is how Redis is reached: one connection is enough.
func connection(options exporter.Options, address string) (*goredis.Options, error) {
	if address == "" {
		address, _ = options.Env("REDIS_ADDR")
	}
	if address == "" {
		address = "redis://localhost:6379"
	}
	connect, err := goredis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("REDIS_ADDR: %w", err)
	}
	if user, given := options.Env("REDIS_USER"); given {
		connect.Username = user
	}
	if password, given := options.Env("REDIS_PASSWORD"); given {
		connect.Password = password
	}
	connect.Protocol = 2 // what an old or a compiled-in Redis speaks, too
	connect.DisableIdentity = true
	connect.PoolSize, connect.MaxRetries = 1, -1
	connect.ContextTimeoutEnabled = true // a scrape's
	return connect, nil
}
