//go:build linux && !slim

package prometheus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	_ "github.com/prometheus/prometheus/discovery/kubernetes" // kubernetes_sd_configs
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/notifications"
	"github.com/prometheus/prometheus/web"
	"golang.org/x/sync/errgroup"
)

// What Prometheus itself has by default.
const (
	queryTimeout     = 2 * time.Minute
	querySamples     = 50_000_000
	lookback         = 5 * time.Minute
	outageTolerance  = time.Hour
	forGracePeriod   = 10 * time.Minute
	resendDelay      = time.Minute
	readTimeout      = 5 * time.Minute
	notifierQueue    = 10_000
	concurrentEvals  = 4
	exemplarsInStore = 100_000
)

// server is the parts of Prometheus, put together as its own main does.
type server struct {
	settings settings
	logger   *slog.Logger
	external *url.URL

	store          *store
	scrapeTargets  *discovery.Manager
	alertReceivers *discovery.Manager
	scraper        *scrape.Manager
	notifier       *notifier.Manager
	engine         *promql.Engine
	rules          *rules.Manager
	web            *web.Handler
}

// open puts the parts together, with the data of the last time.
func open(ctx context.Context, s settings, logger *slog.Logger) (*server, error) {
	external, err := url.Parse(strings.TrimSuffix(s.external, "/"))
	if err != nil {
		return nil, fmt.Errorf("--web.external-url: %w", err)
	}
	prefix := s.prefix
	if prefix == "" {
		prefix = external.Path
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	db, err := tsdb.Open(s.data, logger.With("component", "tsdb"), registry, databaseOptions(s), tsdb.NewDBStats())
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	p := &server{settings: s, logger: logger, external: external, store: &store{db}}
	kinds, err := discovery.CreateAndRegisterSDMetrics(registry)
	if err != nil {
		return nil, err
	}
	p.scrapeTargets = discovery.NewManager(ctx, logger, registry, kinds, discovery.Name("scrape"))
	p.alertReceivers = discovery.NewManager(ctx, logger, registry, kinds, discovery.Name("notify"))
	if p.scraper, err = scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(time.Second), DiscoveryReloadOnStartup: true},
		logger.With("component", "scrape"), nil, nil, p.store, registry); err != nil {
		return nil, err
	}
	p.notifier = notifier.NewManager(&notifier.Options{QueueCapacity: notifierQueue, Registerer: registry, DrainOnShutdown: true},
		model.UTF8Validation, logger.With("component", "notifier"))
	language := parser.NewParser(parser.Options{})
	p.engine = promql.NewEngine(promql.EngineOpts{
		Logger: logger, Reg: registry, MaxSamples: querySamples, Timeout: queryTimeout, LookbackDelta: lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true, Parser: language,
	})
	p.rules = rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Appendable: p.store, Queryable: p.store,
		QueryFunc: rules.EngineQueryFunc(p.engine, p.store), NotifyFunc: rules.SendAlerts(p.notifier, external.String()),
		Context: ctx, ExternalURL: external, Registerer: registry, Logger: logger.With("component", "rules"),
		OutageTolerance: outageTolerance, ForGracePeriod: forGracePeriod, ResendDelay: resendDelay,
		MaxConcurrentEvals: concurrentEvals, Parser: language,
	})
	p.web = web.New(logger.With("component", "web"), &web.Options{
		Context: ctx, TSDBRetentionDuration: model.Duration(s.retention), TSDBDir: s.data, LocalStorage: p.store, Storage: p.store,
		ExemplarStorage: p.store, QueryEngine: p.engine, ScrapeManager: p.scraper, RuleManager: p.rules, Notifier: p.notifier,
		LookbackDelta: lookback, Parser: language, AppName: "prometheus", Version: &web.PrometheusVersion{Version: moduleVersion()},
		NotificationsGetter: func() []notifications.Notification { return nil },
		NotificationsSub: func() (<-chan notifications.Notification, func(), bool) {
			return nil, func() {}, false
		},
		Flags: map[string]string{}, ListenAddresses: []string{s.listen}, CORSOrigin: regexp.MustCompile("^$"),
		ReadTimeout: readTimeout, MaxConnections: s.maxConnections, ExternalURL: external, RoutePrefix: "/" + strings.Trim(prefix, "/"),
		EnableLifecycle: s.lifecycle, PageTitle: "Prometheus", RemoteReadSampleLimit: querySamples, RemoteReadConcurrencyLimit: concurrentEvals,
		Gatherer: registry, Registerer: registry,
	})
	return p, nil
}

func databaseOptions(s settings) *tsdb.Options {
	options := tsdb.DefaultOptions()
	options.RetentionDuration = s.retention.Milliseconds()
	options.EnableExemplarStorage = true
	options.MaxExemplars = exemplarsInStore
	// Half an hour in memory: the local environment is small, and looks at the last minutes.
	options.WALSegmentSize = 16 << 20
	return options
}

// run serves until ctx ends, and ends the parts in the order that loses nothing.
func (p *server) run(ctx context.Context) error {
	listeners, err := p.web.Listeners()
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), p.store.Close())
	}
	parts, running := errgroup.WithContext(ctx)
	webContext, stopWeb := context.WithCancel(context.WithoutCancel(ctx))
	parts.Go(p.scrapeTargets.Run)
	parts.Go(p.alertReceivers.Run)
	parts.Go(func() error { return p.scraper.Run(p.scrapeTargets.SyncCh()) })
	parts.Go(func() error { p.notifier.Run(p.alertReceivers.SyncCh()); return nil })
	parts.Go(func() error { p.rules.Run(); return nil })
	parts.Go(func() error { return p.web.Run(webContext, listeners, "") })
	if err := p.reload(); err != nil {
		p.logger.Error("read the configuration", "error", err)
		stopWeb()
		p.end()
		return errors.Join(err, ignoreCanceled(parts.Wait()), p.store.Close())
	}
	p.web.SetReady(web.Ready)
	p.logger.Info("ready", "address", p.settings.listen, "version", moduleVersion())
	parts.Go(func() error { p.follow(running); return nil })
	<-running.Done()
	p.logger.Info("stopping")
	p.end()
	stopWeb()
	return errors.Join(ignoreCanceled(parts.Wait()), p.store.Close())
}

// end stops what writes and sends; rules first, so that they see no gap.
func (p *server) end() {
	p.rules.Stop()
	p.scraper.Stop()
	p.notifier.Stop()
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow reads the configuration again when it is asked to: by SIGHUP, by the API,
// or because the files have changed.
func (p *server) follow(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	look := time.NewTicker(2 * time.Second)
	defer look.Stop()
	last, _ := config.GenerateChecksum(p.settings.config)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			_ = p.reloadAndSay() // the log has it
		case asked := <-p.web.Reload():
			asked <- p.reloadAndSay()
		case <-look.C:
			if now, err := config.GenerateChecksum(p.settings.config); err == nil && now != last {
				last = now
				_ = p.reloadAndSay() // the log has it
			}
		}
	}
}

func (p *server) reloadAndSay() error {
	err := p.reload()
	if err != nil {
		p.logger.Error("the configuration can't be used: the one before stays in force", "error", err)
	} else {
		p.logger.Info("read the configuration again")
	}
	return err
}

var _ storage.Storage = (*store)(nil)
