//go:build linux

// Package blackbox runs the blackbox exporter the way its official image does: the
// probes of the real one, by HTTP, TCP, DNS and gRPC. ICMP needs a privilege.
package blackbox

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/blackbox_exporter/config"
	"github.com/prometheus/blackbox_exporter/prober"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/promslog"

	"github.com/pocctl/pocctl/internal/provision/local/exporter"
)

// probes is what answers /probe.
type probes struct {
	config  *config.SafeConfig
	history *prober.ResultHistory
	unknown prometheus.Counter
	// offset is how much sooner than Prometheus a probe gives up, in seconds.
	offset float64
	log    *slog.Logger
	of     *promslog.Config
}

// Main serves until the context ends. SIGHUP, or a POST to /-/reload, has it read its
// configuration again.
func Main(ctx context.Context, options exporter.Options) error {
	options = options.Defaults()
	flags := exporter.NewFlags("blackbox_exporter", ":9115", "log.level")
	file := flags.String("config.file", "blackbox.yml", "")
	offset := flags.Float64("timeout-offset", 0.5, "")
	history := flags.Uint("history.limit", 100, "")
	level := flags.String("log.prober", "error", "")
	if err := flags.Read(options.Args); err != nil {
		return fmt.Errorf("start the blackbox exporter: %w", err)
	}
	log, err := exporter.Logger(options, flags.Level)
	if err != nil {
		return fmt.Errorf("start the blackbox exporter: %w", err)
	}
	registry := exporter.Registry()
	p := &probes{
		config: config.NewSafeConfig(registry), history: &prober.ResultHistory{MaxResults: *history}, offset: *offset, log: log,
		of:      &promslog.Config{Level: promslog.NewLevel(), Writer: options.Log},
		unknown: prometheus.NewCounter(prometheus.CounterOpts{Name: "blackbox_module_unknown_total", Help: "Probes by modules that are not configured."}),
	}
	registry.MustRegister(p.unknown)
	if err := p.of.Level.Set(*level); err != nil {
		return fmt.Errorf("start the blackbox exporter: --log.prober: %w", err)
	}
	if err := p.config.ReloadConfig(*file, log); err != nil {
		return fmt.Errorf("start the blackbox exporter: %w", err)
	}
	reload := func() error { return p.config.ReloadConfig(*file, log) }
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	go follow(ctx, hangups, reload, log)

	routes := exporter.Routes(flags.Path, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	routes.Handle("GET /probe", p)
	routes.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := reload(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return exporter.Serve(ctx, flags.Listen, options.Address, routes, log)
}

// ServeHTTP implements http.Handler.
func (p *probes) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	p.config.Lock()
	current := p.config.C
	p.config.Unlock()
	prober.Handler(w, request, current, p.log, p.history, p.offset, nil, p.unknown, p.of)
}

// follow reads the configuration again at each signal; a broken one leaves the one
// before in force.
func follow(ctx context.Context, hangups <-chan os.Signal, reload func() error, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := reload(); err != nil {
				log.Error("the configuration can't be used: the one before stays in force", "error", err)
			}
		}
	}
}
