package telemetry

import (
	"testing"

	"github.com/pocctl/pocctl/internal/app/cache"
)

// What objectives are measured by is what /metrics has, at every look.
func TestServedIsWhatIsScraped(t *testing.T) {
	metrics := NewMetrics(Build{})
	served := metrics.Served()
	for range 2 {
		metrics.requestDuration.WithLabelValues("GET", "/api/v1/me", "200", "", "http").Observe(0.1)
		metrics.CacheRead(cache.Hit, cache.Local)
		for _, name := range []string{"http_server_request_duration_seconds", "cache_requests_total"} {
			if got, want := gathered(t, served, name), gathered(t, metrics.registry, name); got != want || got == 0 {
				t.Errorf("%s is %v, and %v where it is scraped", name, got, want)
			}
		}
	}
}

func BenchmarkServed(b *testing.B) {
	metrics := NewMetrics(Build{})
	for _, route := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		for _, status := range []string{"200", "404", "429"} {
			metrics.requestDuration.WithLabelValues("GET", "/api/v1/"+route, status, "", "http").Observe(0.1)
		}
	}
	served := metrics.Served()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := served.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
