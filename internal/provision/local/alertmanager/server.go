//go:build linux && !slim

package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

// What Alertmanager itself has by default, but for the waits of a server that
// stands alone.
const (
	collectInterval     = 30 * time.Minute
	maintenanceInterval = 15 * time.Minute
	dispatchMaintenance = 30 * time.Second
	headerTimeout       = 10 * time.Second
	drain               = 5 * time.Second
)

// server is the parts of Alertmanager, put together as its own main does.
type server struct {
	settings settings
	logger   *slog.Logger

	alerts      *mem.Alerts
	coordinator *config.Coordinator
	reloader    *reloader
	web         *http.Server
	// maintenance stops the clerks of silences and of the notification log, which
	// write both to disk as they end.
	maintenance func()
	reloads     chan chan error
}

// open puts the parts together, with the silences and the log of the last time.
func open(s settings, logger *slog.Logger) (*server, error) {
	if err := os.MkdirAll(s.data, 0o750); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	read, err := config.LoadFile(s.config)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.config, err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	features, events := featurecontrol.NoopFlags{}, eventrecorder.NopRecorder()
	compat.InitFromFlags(logger, features)

	sent, err := nflog.New(nflog.Options{
		SnapshotFile: filepath.Join(s.data, "nflog"), Retention: s.retention, Logger: logger.With("component", "nflog"), Metrics: registry,
	})
	if err != nil {
		return nil, fmt.Errorf("open the notification log: %w", err)
	}
	silences, err := silence.New(silence.Options{
		SnapshotFile: filepath.Join(s.data, "silences"), Retention: s.retention, Logger: logger.With("component", "silences"), Metrics: registry, EventRecorder: events,
	})
	if err != nil {
		return nil, fmt.Errorf("open the silences: %w", err)
	}
	silencer, groups := silence.NewSilencer(silences, logger, events), marker.NewGroupMarker()
	alerts, err := mem.NewAlerts(context.Background(), collectInterval, 0, silencer, logger, events, registry, features)
	if err != nil {
		return nil, fmt.Errorf("hold alerts: %w", err)
	}
	a := &server{settings: s, logger: logger, alerts: alerts, reloads: make(chan chan error)}
	handler, err := api.New(api.Options{
		Alerts: alerts, Silences: silences, GroupMutedFunc: groups.Muted, Logger: logger.With("component", "api"), Registry: registry,
		RequestDuration: promauto.With(registry).NewHistogramVec(prometheus.HistogramOpts{
			Name: "alertmanager_http_request_duration_seconds", Help: "Histogram of latencies for HTTP requests.", Buckets: prometheus.DefBuckets,
		}, []string{"handler", "method", "code"}),
		GroupFunc: func(ctx context.Context, routes func(*dispatch.Route) bool, wanted func(*alert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
			return a.reloader.dispatcher.Load().Groups(ctx, routes, wanted)
		},
	})
	if err != nil {
		alerts.Close()
		return nil, fmt.Errorf("make the API: %w", err)
	}
	a.reloader = &reloader{
		alerts: alerts, api: handler, groups: groups, logger: logger, sent: sent, silencer: silencer, events: events,
		pipelines: notify.NewPipelineBuilder(registry, features, events), dispatching: dispatch.NewDispatcherMetrics(false, registry, features),
		external: s.external, started: time.Now(),
	}
	a.maintenance = maintain(func(stop chan struct{}) {
		sent.Maintenance(maintenanceInterval, filepath.Join(s.data, "nflog"), stop, nil)
	}, func(stop chan struct{}) {
		silences.Maintenance(maintenanceInterval, filepath.Join(s.data, "silences"), stop, nil)
	})
	a.coordinator = config.NewCoordinator(s.config, registry, logger.With("component", "configuration"))
	a.coordinator.Subscribe(a.reloader.reload)
	if err := a.coordinator.ApplyConfig(read); err != nil {
		a.end()
		return nil, err
	}
	a.web = &http.Server{Handler: handler.Register(a.routes(registry), a.prefix()), ReadHeaderTimeout: headerTimeout}
	return a, nil
}

// maintain runs clerks until what it gives is called.
func maintain(clerks ...func(stop chan struct{})) (end func()) {
	stop, working := make(chan struct{}), sync.WaitGroup{}
	for _, clerk := range clerks {
		working.Go(func() { clerk(stop) })
	}
	return func() {
		close(stop)
		working.Wait()
	}
}

func (a *server) prefix() string { return "/" + strings.Trim(a.settings.prefix, "/") }

// routes are those beside the API.
func (a *server) routes(registry *prometheus.Registry) *route.Router {
	router := route.New()
	if a.prefix() != "/" {
		router = router.WithPrefix(a.prefix())
	}
	well := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		router.Get(path, well)
		router.Head(path, well)
	}
	router.Get("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP)
	router.Post("/-/reload", func(w http.ResponseWriter, r *http.Request) {
		asked := make(chan error, 1)
		select {
		case a.reloads <- asked:
		case <-r.Context().Done():
			return
		}
		if err := <-asked; err != nil {
			http.Error(w, "the configuration can't be used: "+err.Error(), http.StatusInternalServerError)
		}
	})
	return router
}

// run serves until ctx ends.
func (a *server) run(ctx context.Context) error {
	defer a.end()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.settings.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	served := make(chan error, 1)
	go func() { served <- a.web.Serve(listener) }()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	a.logger.Info("ready", "address", a.settings.listen)
	for {
		select {
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-hangups:
			_ = a.coordinator.Reload() // the log has it
		case asked := <-a.reloads:
			asked <- a.coordinator.Reload()
		case <-ctx.Done():
			a.logger.Info("stopping")
			return a.shut(ctx)
		}
	}
}

// shut lets requests under way end, for a while.
func (a *server) shut(ctx context.Context) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := a.web.Shutdown(stop); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return a.web.Close()
}

// end stops what sends, then writes what is to be known the next time.
func (a *server) end() {
	a.reloader.stop()
	a.alerts.Close()
	a.maintenance()
}
