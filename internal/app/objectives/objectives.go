package objectives

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of New. All fields are needed but Objectives.
type Options struct {
	// Objectives are given in this order.
	Objectives []Objective
	// Metrics has http_server_request_duration_seconds and cache_requests_total,
	// as /metrics shows them; it may have more.
	Metrics prometheus.Gatherer
	// Since is when they were all at 0.
	Since time.Time
}

// Objectives are those of the service.
type Objectives struct {
	all     []Objective
	metrics prometheus.Gatherer
	since   time.Time
}

// New makes them. Errors: an objective that can't be judged.
func New(options Options) (*Objectives, error) {
	for _, objective := range options.Objectives {
		if err := objective.validate(); err != nil {
			return nil, err
		}
	}
	return &Objectives{
		all: slices.Clone(options.Objectives), metrics: options.Metrics, since: options.Since.UTC().Truncate(time.Second),
	}, nil
}

// List gives all of them as they stand, from one look at the metrics.
func (o *Objectives) List(_ context.Context) ([]State, error) {
	families, err := o.metrics.Gather()
	if err != nil {
		return nil, fmt.Errorf("read the service's own metrics: %w", err)
	}
	seen := tally{families}
	states := make([]State, len(o.all))
	for i, objective := range o.all {
		states[i] = State{Objective: objective, Measured: o.measured(objective, seen)}
	}
	return states, nil
}

func (o *Objectives) measured(objective Objective, seen tally) *Measured {
	counted, measures := seen.of(objective)
	if !measures || counted.events == 0 {
		return nil
	}
	return &Measured{
		Since: o.since, Events: counted.events, Bad: counted.bad,
		Ratio: float64(counted.bad) / float64(counted.events), Met: objective.met(counted),
	}
}
