// Package objectives tells what the service is held to, and how this process has
// done by it since it began.
package objectives

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The indicators that the service measures itself. There are others, which it
// only tells of.
const (
	Latency      = "latency"      // time to an answer, at Objective.Quantile
	ErrorRate    = "error-rate"   // requests that ended in a 5xx
	Availability = "availability" // those that didn't
	CacheHit     = "cache-hit"    // reads that the cache answered
)

// Objective is one service level objective.
type Objective struct {
	Name        string // small letters, digits and dashes; unique
	Description string // for people
	Indicator   string // what is limited: Latency, or another one
	Source      string // what the platform measures it by: load, metrics, deployments
	// Quantile is the share of requests that a latency objective is about: 0.95
	// for p95; 0 for all others.
	Quantile float64
	Target   string // Limit as it was written, for example "<300ms"
	Limit    Limit
}

// Limit is what an indicator has to stay below or reach.
type Limit struct {
	Operator string  // "<", "<=", ">" or ">="
	Value    float64 // in Unit
	Unit     string  // "ms" or "%"
}

// State is an objective, with what came of it.
type State struct {
	Objective
	// Measured is nil for what the service doesn't measure itself, what hasn't
	// been asked for yet, and a latency that no bucket of the histogram ends at.
	Measured *Measured
}

// Measured is what this process has seen.
type Measured struct {
	Since  time.Time // when it began, in UTC
	Events uint64    // requests of the API; of cache-hit, reads of the cache
	Bad    uint64    // those that count against the objective
	Ratio  float64   // Bad of Events, 0 to 1
	Met    bool      // by all of them; no allowance is made for there being few
}

// validate refuses what Measured could not be judged by.
func (o Objective) validate() error {
	if !slices.Contains([]string{Latency, ErrorRate, Availability, CacheHit}, o.Indicator) {
		return nil
	}
	if !slices.Contains([]string{"<", "<=", ">", ">="}, o.Limit.Operator) {
		return fmt.Errorf("objective %s: the operator is %q", o.Name, o.Limit.Operator)
	}
	if math.IsNaN(o.Limit.Value) || math.IsInf(o.Limit.Value, 0) {
		return fmt.Errorf("objective %s: the limit is %v", o.Name, o.Limit.Value)
	}
	if o.Indicator == Latency && (math.IsNaN(o.Quantile) || o.Quantile <= 0 || o.Quantile >= 1) {
		return fmt.Errorf("objective %s: the quantile is %v", o.Name, o.Quantile)
	}
	return nil
}
