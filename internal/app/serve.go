package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// Limits on a connection. Idle ones outlive a load balancer's own, so that it
// never sends a request into one that is being closed.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// Serve listens at once and serves until ctx ends; it is ready as soon as the
// database answers and its schema is at head. When ctx ends it turns not ready,
// waits ReadinessDelay, lets requests finish within ShutdownTimeout, and closes
// its pools. Errors: *OptionError, the address in use, requests that didn't finish.
func Serve(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger := options.logger()
	defer func() { _ = logger.Sync() }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.Address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", options.Address, err)
	}
	defer listener.Close() // the server has closed it unless it never began

	metrics := telemetry.NewMetrics(options.Build.Version, options.Build.Commit, runtime.Version())
	database := options.store()
	database.StatementTimeout = options.StatementTimeout
	products, err := store.New(ctx, database)
	if err != nil {
		return err
	}
	metrics.Register(telemetry.NewPool(products.Stat))
	client, err := options.redis(logger)
	if err != nil {
		return err
	}
	cached := cache.New(cache.Options{
		Client: client, TTL: options.CacheTTL, LoadTimeout: options.RequestTimeout,
		Observer: cacheObserver{metrics, logger}, Now: time.Now,
	})

	// Work outlives ctx: what has begun when it ends is to be finished.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var background sync.WaitGroup
	if client != nil {
		background.Go(func() { cached.Run(work) })
	}

	draining := &atomic.Bool{}
	readiness := &readiness{store: products, cache: cached, draining: draining.Load}
	server := &http.Server{
		Handler: api.New(api.Options{
			Catalog:        catalog.New(products, cached, time.Now),
			Cache:          cached,
			Logger:         logger,
			Metrics:        metrics,
			Readiness:      readiness.check,
			Draining:       draining.Load,
			RequestTimeout: options.RequestTimeout,
			Build: api.Build{
				Version: options.Build.Version, Commit: options.Build.Commit,
				Date: options.Build.Date, Go: runtime.Version(),
			},
		}),
		BaseContext:       func(net.Listener) context.Context { return work },
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + options.RequestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(logger),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	logger.Info("listening", zap.Stringer("address", listener.Addr()), zap.String("version", options.Build.Version))
	if options.Started != nil {
		options.Started(listener.Addr())
	}

	select {
	case err = <-served:
		err = fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
		draining.Store(true)
		err = drain(work, server, options, logger)
	}
	stopWork() // a request that didn't finish holds its connection no longer
	background.Wait()
	if client != nil {
		err = errors.Join(err, client.Close())
	}
	products.Close()
	logger.Info("stopped", zap.Error(err))
	return err
}

// drain ends the server: not ready, then no new connections, then none at all.
func drain(work context.Context, server *http.Server, options Options, logger *zap.Logger) error {
	logger.Info("draining", zap.Duration("readiness_delay", options.ReadinessDelay), zap.Duration("timeout", options.ShutdownTimeout))
	<-time.After(options.ReadinessDelay)
	ctx, cancel := context.WithTimeout(work, options.ShutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait %s for requests to finish: %w", options.ShutdownTimeout, err), server.Close())
	}
	return nil
}

func (o Options) redis(logger *zap.Logger) (*redis.Client, error) {
	if o.RedisURL == "" {
		return nil, nil
	}
	redis.SetLogger(telemetry.Printf{Logger: logger}) // or it writes plain text to stderr
	return cache.Connect(cache.Connection{
		URL: o.RedisURL, Resolver: o.Resolver, MaxConnections: o.RedisConnections, Timeout: o.RedisTimeout,
	})
}

// cacheObserver counts, and logs what an operator wants to know.
type cacheObserver struct {
	*telemetry.Metrics
	logger *zap.Logger
}

func (o cacheObserver) CacheUp(up bool) {
	o.Metrics.CacheUp(up)
	if up {
		o.logger.Info("Redis is back")
		return
	}
	o.logger.Warn("Redis doesn't answer: reads go to the database")
}
