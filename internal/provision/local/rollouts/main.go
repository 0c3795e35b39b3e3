//go:build linux && !slim

// Package rollouts runs Argo Rollouts' controllers the way the official container
// image does, compiled in.
package rollouts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/argoproj/argo-rollouts/utils/defaults"
	logutil "github.com/argoproj/argo-rollouts/utils/log"
)

// Options of the image.
type Options struct {
	// Args are the container's arguments, as the controller takes them.
	Args []string
	// Address is what metrics and health are served on; empty is every address, as
	// in a container.
	Address string
	// Log takes what the controller says; default os.Stderr.
	Log io.Writer
}

// settings are the controller's own flags, those that its charts use.
type settings struct {
	namespaced, leaderElect    bool
	level, format, instance    string
	metricsPort, healthPort    int
	queries                    float32
	burst, workers             int
	resync                     int64
	nginxClasses, albClasses   []string
	verifyTargetGroups         bool
	lease, renew, retryElected time.Duration
}

// Main runs the controllers until the context ends or SIGTERM or SIGINT comes.
func Main(ctx context.Context, options Options) error {
	if options.Log == nil {
		options.Log = os.Stderr
	}
	settings, err := parse(options.Args)
	if err != nil {
		return fmt.Errorf("start Argo Rollouts: %w", err)
	}
	if err := logTo(options.Log, settings); err != nil {
		return fmt.Errorf("start Argo Rollouts: %w", err)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("start Argo Rollouts: find the API server: %w", err)
	}
	config.QPS, config.Burst = settings.queries, settings.burst
	defaults.SetVerifyTargetGroup(settings.verifyTargetGroups)

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	c, err := assemble(config, settings, options.Address)
	if err != nil {
		return fmt.Errorf("start Argo Rollouts: %w", err)
	}
	if err := c.run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run Argo Rollouts: %w", err)
	}
	return nil
}

func parse(args []string) (settings, error) {
	s := settings{}
	flags := pflag.NewFlagSet("argo-rollouts", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&s.namespaced, "namespaced", false, "")
	flags.BoolVar(&s.leaderElect, "leader-elect", true, "")
	flags.DurationVar(&s.lease, "leader-election-lease-duration", 15*time.Second, "")
	flags.DurationVar(&s.renew, "leader-election-renew-deadline", 10*time.Second, "")
	flags.DurationVar(&s.retryElected, "leader-election-retry-period", 2*time.Second, "")
	flags.StringVar(&s.level, "loglevel", "info", "")
	flags.StringVar(&s.format, "logformat", "text", "")
	flags.StringVar(&s.instance, "instance-id", "", "")
	flags.IntVar(&s.metricsPort, "metricsPort", 8090, "")
	flags.IntVar(&s.healthPort, "healthzPort", 8080, "")
	flags.Float32Var(&s.queries, "qps", defaults.DefaultQPS, "")
	flags.IntVar(&s.burst, "burst", defaults.DefaultBurst, "")
	flags.IntVar(&s.workers, "rollout-threads", 10, "")
	flags.Int64Var(&s.resync, "rollout-resync", 15*60, "")
	flags.StringArrayVar(&s.nginxClasses, "nginx-ingress-classes", []string{"nginx"}, "")
	flags.StringArrayVar(&s.albClasses, "alb-ingress-classes", []string{"alb"}, "")
	flags.BoolVar(&s.verifyTargetGroups, "aws-verify-target-group", false, "")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if s.workers < 1 {
		return s, fmt.Errorf("--rollout-threads is %d; one at least", s.workers)
	}
	return s, nil
}

func logTo(out io.Writer, s settings) error {
	level, err := logrus.ParseLevel(s.level)
	if err != nil {
		return fmt.Errorf("--loglevel: %w", err)
	}
	var formatter logrus.Formatter = &logrus.TextFormatter{FullTimestamp: true, DisableColors: true}
	switch s.format {
	case "json":
		formatter = &logrus.JSONFormatter{}
	case "text", "":
	default:
		return fmt.Errorf("--logformat is %q; text or json", s.format)
	}
	logrus.SetLevel(level)
	logrus.SetFormatter(formatter)
	logrus.SetOutput(out)
	logutil.SetKLogLogger(logrus.StandardLogger())
	return nil
}
