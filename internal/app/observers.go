package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/telemetry"
)

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

func (o cacheObserver) CacheLocal(up bool, cause error) {
	o.Metrics.CacheLocal(up, cause)
	if !up && !errors.Is(cause, context.Canceled) {
		o.logger.Info("products aren't kept in memory: invalidations don't arrive", zap.Error(cause))
	}
}

// limitObserver is the same for limits.
type limitObserver struct {
	*telemetry.Metrics
	logger *zap.Logger
}

func (o limitObserver) LimiterUp(up bool) {
	o.Metrics.LimiterUp(up)
	if up {
		o.logger.Info("rate limits are shared again")
		return
	}
	o.logger.Warn("Redis doesn't answer: rate limits are this process's own")
}

// httpClient fetches the issuer's keys. It finds names as the stores' clients do.
func (o Options) httpClient() *http.Client {
	if o.Resolver == nil {
		return nil
	}
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, Resolver: o.Resolver}
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}}
}
