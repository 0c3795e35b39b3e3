//go:build linux && !slim

// Package prometheus runs Prometheus the way the official container image does:
// scraping, rules, alerts and the HTTP API of the real one, compiled in. The web
// page is not: the module doesn't bring it.
package prometheus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
)

// Options of the image.
type Options struct {
	// Args are the container's arguments, as Prometheus takes them.
	Args []string
	// Address replaces the host 0.0.0.0 of --web.listen-address, which pods on one
	// machine can't all have; empty leaves it.
	Address string
	// Log takes what Prometheus says; default os.Stderr.
	Log io.Writer
}

// settings are Prometheus' own flags, those that its charts use.
type settings struct {
	config, data, listen, external, prefix string
	retention                              time.Duration
	lifecycle                              bool
	maxConnections                         int
	level                                  string
}

// Main serves until the context ends or SIGTERM or SIGINT comes. SIGHUP has it
// read its configuration again.
func Main(ctx context.Context, options Options) error {
	if options.Log == nil {
		options.Log = os.Stderr
	}
	settings, err := parse(options.Args)
	if err != nil {
		return fmt.Errorf("start Prometheus: %w", err)
	}
	if host, port, err := net.SplitHostPort(settings.listen); err == nil && options.Address != "" && (host == "0.0.0.0" || host == "" || host == "::") {
		settings.listen = net.JoinHostPort(options.Address, port)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(settings.level)); err != nil {
		return fmt.Errorf("start Prometheus: --log.level: %w", err)
	}
	logger := slog.New(slog.NewTextHandler(options.Log, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s, err := open(ctx, settings, logger)
	if err != nil {
		return fmt.Errorf("start Prometheus: %w", err)
	}
	return s.run(ctx)
}

func parse(args []string) (settings, error) {
	s := settings{}
	retention := "15d"
	flags := pflag.NewFlagSet("prometheus", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.config, "config.file", "/etc/prometheus/prometheus.yml", "")
	flags.StringVar(&s.data, "storage.tsdb.path", "/prometheus", "")
	flags.StringVar(&retention, "storage.tsdb.retention.time", retention, "")
	flags.StringVar(&s.listen, "web.listen-address", "0.0.0.0:9090", "")
	flags.StringVar(&s.external, "web.external-url", "", "")
	flags.StringVar(&s.prefix, "web.route-prefix", "", "")
	flags.BoolVar(&s.lifecycle, "web.enable-lifecycle", false, "")
	flags.IntVar(&s.maxConnections, "web.max-connections", 512, "")
	flags.StringVar(&s.level, "log.level", "info", "")
	flags.String("web.console.libraries", "", "")
	flags.String("web.console.templates", "", "")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	kept, err := model.ParseDuration(retention)
	if err != nil {
		return s, fmt.Errorf("--storage.tsdb.retention.time: %w", err)
	}
	s.retention = time.Duration(kept)
	if s.external == "" {
		s.external = "http://" + s.listen
	}
	if _, err := url.Parse(s.external); err != nil {
		return s, fmt.Errorf("--web.external-url: %w", err)
	}
	return s, nil
}
