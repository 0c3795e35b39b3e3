package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/cache"
)

// caching counts what the cache tells.
type caching struct {
	results       *prometheus.CounterVec
	reads         map[readKey]prometheus.Counter // of results
	invalidations map[bool]prometheus.Counter
	up, local     prometheus.Gauge
}

type readKey struct {
	result cache.Result
	tier   cache.Tier
}

func newCaching(registry *prometheus.Registry) caching {
	reads := counters(registry, "cache_requests_total",
		"Cache reads by result: hit, miss, error (Redis didn't answer), bypass (it wasn't asked); and the tier that answered.", "result", "tier")
	invalidations := counters(registry, "cache_invalidations_total", "Invalidations by result: done, or deferred until Redis answers.", "result")
	c := caching{
		results: reads, reads: map[readKey]prometheus.Counter{},
		invalidations: map[bool]prometheus.Counter{
			true: invalidations.WithLabelValues("done"), false: invalidations.WithLabelValues("deferred"),
		},
		up:    gauges(registry, "cache_up", "0 while Redis is left alone because it failed, else 1.").WithLabelValues(),
		local: gauges(registry, "cache_local_up", "1 while products are kept in this process, which Redis tells of changes, else 0.").WithLabelValues(),
	}
	for _, key := range []readKey{
		{cache.Hit, cache.Local}, {cache.Hit, cache.Redis}, {cache.Miss, cache.Local}, {cache.Miss, cache.Redis}, {cache.Miss, cache.Store},
		{cache.Failed, cache.Store}, {cache.Bypass, cache.Store},
	} {
		c.reads[key] = reads.WithLabelValues(string(key.result), string(key.tier))
	}
	c.up.Set(1)
	return c
}

// CacheRead counts a read of the cache.
func (c caching) CacheRead(result cache.Result, tier cache.Tier) {
	if counter, known := c.reads[readKey{result, tier}]; known {
		counter.Inc()
	}
}

// CacheInvalidation counts an invalidation.
func (c caching) CacheInvalidation(done bool) { c.invalidations[done].Inc() }

// CacheUp says whether Redis is in use.
func (c caching) CacheUp(up bool) { c.up.Set(number(up)) }

// CacheLocal says whether the process keeps products itself.
func (c caching) CacheLocal(up bool, _ error) { c.local.Set(number(up)) }
