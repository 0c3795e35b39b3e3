//go:build linux && !slim

package alertmanager

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"
)

// reloader holds what a configuration makes: the routes' dispatcher and the
// inhibitor. Both are made anew by each; what they stand on stays.
type reloader struct {
	alerts      *mem.Alerts
	api         *api.API
	groups      marker.GroupMarker
	logger      *slog.Logger
	sent        notify.NotificationLog
	silencer    *silence.Silencer
	events      eventrecorder.Recorder
	pipelines   *notify.PipelineBuilder
	dispatching *dispatch.DispatcherMetrics
	external    *url.URL
	started     time.Time

	dispatcher atomic.Pointer[dispatch.Dispatcher]
	inhibitor  atomic.Pointer[inhibit.Inhibitor]
}

// reload puts a configuration in force. What can fail comes first: one that can't
// be used leaves the one before as it is.
func (r *reloader) reload(read *config.Config) error {
	templates, err := template.FromGlobs(read.Templates)
	if err != nil {
		return fmt.Errorf("read the templates: %w", err)
	}
	templates.ExternalURL = r.external
	routes := dispatch.NewRoute(read.Route, nil)
	used := map[string]bool{}
	routes.Walk(func(one *dispatch.Route) { used[one.RouteOpts.Receiver] = true })
	receivers := map[string][]notify.Integration{}
	for _, one := range read.Receivers {
		if !used[one.Name] {
			continue
		}
		if receivers[one.Name], err = receiver.BuildReceiverIntegrations(one, templates, r.logger); err != nil {
			return fmt.Errorf("make the receiver %s: %w", one.Name, err)
		}
	}
	times := map[string][]timeinterval.TimeInterval{}
	for _, one := range read.MuteTimeIntervals {
		times[one.Name] = one.TimeIntervals
	}
	for _, one := range read.TimeIntervals {
		times[one.Name] = one.TimeIntervals
	}

	r.stop()
	inhibitor := inhibit.NewInhibitor(r.alerts, read.InhibitRules, r.logger, r.events)
	alone := func() time.Duration { return 0 }
	pipeline := r.pipelines.New(receivers, alone, inhibitor, r.silencer, timeinterval.NewIntervener(times), r.groups, r.sent, nil)
	r.api.Update(read, func(ctx context.Context, labels model.LabelSet) {
		r.inhibitor.Load().Mutes(ctx, labels)
		r.silencer.Mutes(ctx, labels)
	})
	atLeast := func(wait time.Duration) time.Duration { return max(wait, notify.MinTimeout) }
	dispatcher := dispatch.NewDispatcher(r.alerts, routes, pipeline, r.groups, atLeast, dispatchMaintenance, nil, r.logger, r.events, r.dispatching, templates)
	// Who is inhibited is known before anything is sent.
	go inhibitor.Run()
	inhibitor.WaitForLoading()
	r.inhibitor.Store(inhibitor)
	go dispatcher.Run(r.started)
	dispatcher.WaitForLoading()
	r.dispatcher.Store(dispatcher)
	return nil
}

// stop ends what is in force, if anything is.
func (r *reloader) stop() {
	if one := r.inhibitor.Load(); one != nil {
		one.Stop()
	}
	if one := r.dispatcher.Load(); one != nil {
		one.Stop()
	}
}
