// Package dashboards holds what people look at to know how the service is: panels of
// Prometheus' data, with the limits of the service level objectives. They are written
// for Grafana, asked of Prometheus to prove that every one has data, and drawn as a
// page of their own for those who have no Grafana.
package dashboards

import (
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/plot"
)

// Dashboard is one page of panels about one question.
type Dashboard struct {
	// UID names it in addresses and files, for example pocctl-service.
	UID string
	// Title is what people call it, Description the question it answers.
	Title, Description string
	Panels             []Panel
}

// Panel is a picture of what some queries answer.
type Panel struct {
	// Title is unlike that of any other panel of the dashboard.
	Title, Description string
	Kind               Kind
	// Unit is that of all the values of its queries; of a Heatmap, of its buckets.
	Unit    Unit
	Queries []Query
	// Thresholds are lines that values should stay on one side of.
	Thresholds []Threshold
	// PossiblyEmpty says why there may be nothing to show although all is well, in a
	// sentence. It is empty for panels that always have something.
	PossiblyEmpty string
}

// Query asks Prometheus. $namespace, $job and $__rate_interval stand for what is chosen.
type Query struct {
	Expr string
	// Legend names a series, with its labels as {{label}}.
	Legend string
}

// Threshold is a limit, in the unit of its panel.
type Threshold struct {
	Value float64
	// Label says whose limit it is, for example "objective <300ms".
	Label string
	// Legend is that of the query it is about; empty is all of the panel's.
	Legend string
	// Floor says that values should stay over it, not under it.
	Floor bool
}

// Broken says whether a value is on the wrong side.
func (t Threshold) Broken(value float64) bool {
	if t.Floor {
		return value < t.Value
	}
	return value > t.Value
}

// Kind is how a panel looks.
type Kind string

// The kinds of panels.
const (
	Timeseries Kind = "timeseries" // lines over time
	Stat       Kind = "stat"       // what a value is now
	Table      Kind = "table"      // what values are now, with their labels
	Heatmap    Kind = "heatmap"    // how many fell into each bucket of a histogram over time
)

// Instant says whether only the present value is asked for.
func (k Kind) Instant() bool { return k == Stat || k == Table }

// Unit is what values are counted in.
type Unit = plot.Unit

// The units of values.
const (
	Seconds   = plot.Seconds
	Share     = plot.Share
	PerSecond = plot.PerSecond
	Bytes     = plot.Bytes
	Count     = plot.Count
	Cores     = plot.Cores
	Multiple  = plot.Multiple
)

// All gives the dashboards. Their limits are those of the objectives, and of the
// alerts that are made of them.
func All(objectives config.Objectives) []Dashboard {
	known := limitsOf(objectives)
	return []Dashboard{
		service(known), dependencies(known), release(known), budget(known),
		canary(known), continuousIntegration(), capacity(known), journey(known),
	}
}
