//go:build linux && !slim

// Package alertmanager runs Alertmanager the way the official container image
// does: routes, groups, inhibition, silences, receivers and the HTTP API of the
// real one, compiled in. The web page is not: the module doesn't bring it. Nor is
// its gossip: the local environment has one of it.
package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// Options of the image.
type Options struct {
	// Args are the container's arguments, as Alertmanager takes them.
	Args []string
	// Address replaces the host 0.0.0.0 of --web.listen-address, which pods on one
	// machine can't all have; empty leaves it.
	Address string
	// Log takes what Alertmanager says; default os.Stderr.
	Log io.Writer
}

// settings are Alertmanager's own flags, those that its charts use.
type settings struct {
	config, data, listen, prefix, cluster string
	external                              *url.URL
	retention                             time.Duration
	level                                 slog.Level
}

// Main serves until the context ends or SIGTERM or SIGINT comes. SIGHUP has it
// read its configuration again.
func Main(ctx context.Context, options Options) error {
	if options.Log == nil {
		options.Log = os.Stderr
	}
	settings, err := parse(options.Args)
	if err != nil {
		return fmt.Errorf("start Alertmanager: %w", err)
	}
	if host, port, err := net.SplitHostPort(settings.listen); err == nil && options.Address != "" && (host == "0.0.0.0" || host == "" || host == "::") {
		settings.listen = net.JoinHostPort(options.Address, port)
	}
	logger := slog.New(slog.NewTextHandler(options.Log, &slog.HandlerOptions{Level: settings.level}))
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s, err := open(settings, logger) //nolint:contextcheck // what it opens has its own end, by close
	if err != nil {
		return fmt.Errorf("start Alertmanager: %w", err)
	}
	return s.run(ctx)
}

func parse(args []string) (settings, error) {
	var s settings
	var external, level string
	flags := pflag.NewFlagSet("alertmanager", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.config, "config.file", "/etc/alertmanager/alertmanager.yml", "")
	flags.StringVar(&s.data, "storage.path", "/alertmanager", "")
	flags.DurationVar(&s.retention, "data.retention", 120*time.Hour, "")
	flags.StringVar(&s.listen, "web.listen-address", "0.0.0.0:9093", "")
	flags.StringVar(&external, "web.external-url", "", "")
	flags.StringVar(&s.prefix, "web.route-prefix", "", "")
	flags.StringVar(&s.cluster, "cluster.listen-address", "", "")
	flags.StringVar(&level, "log.level", "info", "")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if s.cluster != "" {
		return s, errors.New("--cluster.listen-address: this Alertmanager stands alone; leave it empty")
	}
	if err := s.level.UnmarshalText([]byte(level)); err != nil {
		return s, fmt.Errorf("--log.level: %w", err)
	}
	if external == "" {
		external = "http://" + s.listen
	}
	var err error
	if s.external, err = url.Parse(external); err != nil {
		return s, fmt.Errorf("--web.external-url: %w", err)
	}
	if s.prefix == "" {
		s.prefix = s.external.Path
	}
	return s, nil
}
