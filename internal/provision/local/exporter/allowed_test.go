//go:build linux

package exporter

import (
	"net/http"
	"testing"
	"time"
)

func TestAllowed(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": patience, "2": 1600 * time.Millisecond, "0.5": 400 * time.Millisecond, "60": patience, "-1": patience, "soon": patience, "NaN": patience,
	} {
		request := &http.Request{Header: http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {header}}}
		if got := allowed(request); got != want {
			t.Errorf("of %q it takes %s, want %s", header, got, want)
		}
	}
}
