package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/alerts"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// How exercises go. An alert of five minutes takes 15 s of figures and 15 s of
// patience when it is an exercise, and scrapes and evaluations in between.
const (
	drillRate     = 60 // requests a second, so that there is something to tell of
	drillFires    = 90 * time.Second
	drillResolves = 150 * time.Second
	drillEchoes   = 6 * time.Minute // what alerts of five minutes remember
	drillLasts    = 3 * time.Minute // a fault that nobody takes back
	drillBudget   = 5 * time.Minute
	drillDeadline = 20 * time.Minute
	holdLasts     = 75 * time.Second
	held          = 0.9 // of the database's connections
)

// alertSteps makes faults on purpose. It waits for what else is verified to end, for
// that wants an environment that is well.
func (s *Stack) alertSteps() []flow.Step {
	return []flow.Step{{
		Name: Verify + "/alerts",
		Describe: func() string {
			var names []string
			for _, lane := range s.lanes(context.Background()) {
				for _, drill := range lane {
					names = append(names, drill.Name)
				}
			}
			return "break things on purpose, see their alerts come to the inbox, and see them end: " + strings.Join(names, ", ")
		},
		Run:      s.proveAlerts,
		Budget:   drillBudget,
		Deadline: drillDeadline,
	}}
}

// lanes are the exercises. Those that use the same means come one after another.
func (s *Stack) lanes(ctx context.Context) [][]alerts.Drill {
	environment := s.options.Environment
	flags := alerts.Flags{Root: s.platform.endpoint() + environment.Load.Path, Token: s.tokens(ctx, config.RoleAdmin), Lasts: drillLasts}
	const faults = "fault-injection"
	return [][]alerts.Drill{
		{
			flags.Drill("slow answers", faults, map[string]any{"latency_ms": 500}, "LatencyHigh"),
			flags.Drill("errors", faults, map[string]any{"error_percent": 5, "error_status": 503}, "ErrorRateHigh"),
			flags.Drill("nothing but errors", faults, map[string]any{"error_percent": 100, "error_status": 503}, "ProbeFailed", "AvailabilityBurnPage"),
		},
		{flags.Drill("cache off", "product-cache", "off", "CacheHitLow")},
		{s.connectionsDrill(ctx)},
	}
}

// connectionsDrill uses up the database's connections, from within a pod of the
// service, which knows where the database is.
func (s *Stack) connectionsDrill(ctx context.Context) alerts.Drill {
	var ended chan error
	var stop context.CancelFunc
	return alerts.Drill{
		Name: "connections used up", Alerts: []string{"DatabaseConnectionsHigh"},
		Make: func(context.Context) error {
			var holding context.Context
			holding, stop = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // the way back calls it
			ended = make(chan error, 1)
			command := []string{"/pocctl", "hold-connections", "--share", fmt.Sprint(held), "--for", holdLasts.String()}
			go func() {
				var said strings.Builder
				err := s.Exec(holding, s.options.Environment.Smoke.Release, command, io.Discard, &said)
				if err != nil && said.Len() > 0 {
					err = fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
				}
				ended <- err
			}()
			select {
			case err := <-ended:
				ended <- nil
				return errors.Join(errors.New("the connections were not held"), err)
			case <-time.After(5 * time.Second):
				return nil
			}
		},
		End: func(ctx context.Context) error {
			if ended == nil {
				return nil
			}
			defer stop()
			select { // they are given back when their time is over
			case err := <-ended:
				return err
			case <-time.After(holdLasts):
				return errors.New("the connections are still held")
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
	}
}

func (s *Stack) proveAlerts(ctx context.Context, log *flow.Log) error {
	environment := s.options.Environment
	if !environment.Alerts.Drill {
		return fault.New(fault.DrillForbidden, "env", environment.Name)
	}
	if !s.Running(ctx) { // or whatever else has that port would be asked
		return fault.New(fault.NotUp, "env", environment.Name)
	}
	if err := s.othersEnded(ctx, log); err != nil {
		return err
	}
	box, err := s.reach(environment.Alerts.Inbox)
	if err != nil {
		return err
	}
	loud, err := s.silence(ctx, log)
	if err != nil {
		return err
	}
	defer loud()
	sending, stop := context.WithCancel(ctx)
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- s.drillLoad(sending) }()
	outcomes, err := alerts.Run(ctx, alerts.Options{
		Lanes: s.lanes(ctx), Inbox: alerts.Inbox(box, http.DefaultClient),
		Fires: drillFires, Resolves: drillResolves,
		Progress: func(drill, what string) { log.Info("%s: %s", drill, what) },
	})
	s.mu.Lock()
	s.drills = outcomes
	s.mu.Unlock()
	stop()
	loadErr := <-sent
	var away *alerts.AwayError
	switch {
	case errors.As(err, &away):
		return fault.New(fault.InboxAway, "url", away.URL,
			"status", "pocctl status"+s.flag(), "logs", "pocctl logs"+s.flag()+" alertmanager").Because(away.Cause)
	case err != nil:
		return err
	case loadErr != nil && !errors.Is(loadErr, context.Canceled):
		return loadErr
	}
	wanting := alerts.Wanting(outcomes)
	log.Detail("%d of %d alerts fired, were received, and were over in time", len(outcomes)-len(wanting), len(outcomes))
	if len(wanting) == 0 {
		return nil
	}
	return fault.New(fault.AlertsUnproved, "wanting", len(wanting), "drills", len(outcomes), "list", strings.Join(wanting, "\n"),
		"rules", "curl -s "+s.Endpoints()[Prometheus]+"/api/v1/rules?type=alert", "logs", "pocctl logs"+s.flag()+" alertmanager")
}

// silence has Alertmanager tell nobody of what is broken on purpose, until it is over
// and what is counted in five minutes has forgotten it.
func (s *Stack) silence(ctx context.Context, log *flow.Log) (end func(), err error) {
	const why = "pocctl verify --alerts breaks things on purpose"
	url, err := s.reach(s.options.Environment.Alerts.Alertmanager)
	if err != nil {
		return nil, err
	}
	if url == "" {
		log.Info("alerts in earnest are not silenced: the environment names no Alertmanager")
		return func() {}, nil
	}
	silences := alerts.Silences{URL: url, Client: &http.Client{Timeout: 30 * time.Second}}
	first, err := silences.Begin(ctx, drillDeadline, why)
	if err != nil {
		return nil, err
	}
	return func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		// The next one begins before the first ends.
		if _, err := silences.Begin(after, drillEchoes, why); err != nil {
			log.Info("%v", err)
			return
		}
		if err := first(after); err != nil {
			log.Info("%v", err)
		}
	}, nil
}

// othersEnded waits until load and dashboards are done with.
func (s *Stack) othersEnded(ctx context.Context, log *flow.Log) error {
	var before []chan struct{}
	if s.loads() {
		before = append(before, s.loaded)
	}
	if s.options.Dashboards {
		before = append(before, s.looked)
	}
	for _, one := range before {
		log.Waiting("the end of what is verified before")
		select {
		case <-one:
		case <-ctx.Done():
			return fmt.Errorf("wait for what is verified before: %w", context.Cause(ctx))
		}
	}
	return nil
}

// drillLoad sends requests until its context ends: alerts tell of nothing where
// nobody asks for anything.
func (s *Stack) drillLoad(ctx context.Context) error {
	_, err := load.Run(ctx, load.Options{
		URL:      s.platform.endpoint() + s.options.Environment.Load.Path,
		Stages:   load.Plan{Rate: drillRate, Duration: drillDeadline}.Stages(),
		Scenario: load.Products(),
		Token:    s.tokens(context.WithoutCancel(ctx), config.RoleEditor),
		Seed:     1,
	})
	return err
}

// Drills gives what came of the alerts' exercises.
func (s *Stack) Drills() []alerts.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drills
}
