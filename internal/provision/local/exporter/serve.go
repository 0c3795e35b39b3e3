//go:build linux

// Package exporter serves metrics of something else to Prometheus, as the programs
// in its folders do: each stands for the official image of the exporter of its name.
package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	headerTimeout = 5 * time.Second
	drain         = 2 * time.Second
	// patience is how long a scrape may take that doesn't say it itself.
	patience = 5 * time.Second
	// share of a scrape's time is for what is asked; the rest is for the answer.
	share = 0.8
)

// Source is what an exporter tells of.
type Source interface {
	// Collect sends the metrics there are now, until ctx ends at the latest: a scrape
	// that gets no answer would tell of the exporter, not of what it asks.
	Collect(ctx context.Context, metrics chan<- prometheus.Metric)
}

// scrape is a Source asked once; it is a prometheus.Collector.
type scrape struct {
	ctx    context.Context // a collector is given none
	source Source
}

// Describe implements prometheus.Collector: what there is depends on the source.
func (scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s scrape) Collect(metrics chan<- prometheus.Metric) { s.source.Collect(s.ctx, metrics) }

// Scrapes answers with the metrics of own, and with those of source, asked anew.
func Scrapes(own *prometheus.Registry, source Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), allowed(request))
		defer cancel()
		once := prometheus.NewRegistry()
		once.MustRegister(scrape{ctx, source})
		promhttp.HandlerFor(prometheus.Gatherers{own, once}, promhttp.HandlerOpts{}).ServeHTTP(w, request)
	})
}

// allowed is how long a source may be asked: within the time that Prometheus waits.
func allowed(request *http.Request) time.Duration {
	seconds, err := strconv.ParseFloat(request.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err == nil && seconds > 0 && seconds*share < patience.Seconds() { // and a number
		return time.Duration(seconds * share * float64(time.Second))
	}
	return patience
}

// Registry gives one with the metrics of this process itself.
func Registry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Routes has what every exporter answers: metrics at path, and "ok" at /, /health
// and /-/healthy, where official images have a page or a check.
func Routes(path string, metrics http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET "+path, metrics)
	for _, pattern := range []string{"GET /{$}", "GET /health", "GET /-/healthy"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	}
	return mux
}

// Serve answers at listen, "HOST:PORT", until the context ends. host replaces an
// empty host, or one that means every address, which pods on one machine can't all
// have.
func Serve(ctx context.Context, listen, host string, handler http.Handler, log *slog.Logger) error {
	given, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--web.listen-address: %w", err)
	}
	if host != "" && (given == "" || given == "0.0.0.0" || given == "::") {
		listen = net.JoinHostPort(host, port)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if server.Shutdown(ending) != nil {
			_ = server.Close()
		}
	})
	log.Info("ready", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve: %w", err)
	}
	<-ended
	log.Info("stopped")
	return nil
}

// Logger writes what is at least as grave as level: debug, info, warn or error.
func Logger(options Options, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("level of the log: %w", err)
	}
	return slog.New(slog.NewTextHandler(options.Log, &slog.HandlerOptions{Level: least})), nil
}
