package slo

import (
	"fmt"
	"math"

	"github.com/pocctl/pocctl/internal/config"
)

// Evaluate gives a verdict for each objective that a load can be judged by; the
// others are left out. Every verdict is a statement about a share of requests,
// made with 95% confidence: "met" and "violated" are both shown by the samples,
// and "insufficient" is all between. Requests are taken as independent, so that
// one long outage counts as many failures.
func Evaluate(objectives config.Objectives, measurement Measurement) []Result {
	results := []Result{} // an empty list in JSON, not null
	for _, objective := range objectives.From(config.FromLoad) {
		results = append(results, evaluate(objective, measurement))
	}
	return results
}

// count is how many of the samples were bad, and what they are called.
type count struct {
	bad, samples int64
	observed     float64 // in the objective's unit
	name         string  // of the bad ones: "3 of 900 failed"
}

func evaluate(objective config.Objective, m Measurement) Result {
	limit := objective.Limit
	counted := read(objective, m)
	result := Result{
		Name: objective.Name, Objective: limit.String(),
		Observed: round(counted.observed), Unit: limit.Unit, Samples: counted.samples,
	}
	share := allowed(objective)
	result.Bad, result.Confidence = counted.bad, round(confidence(counted.bad, counted.samples, share))
	result.Budget = budget(counted.bad, counted.samples, share)
	if counted.samples > 0 {
		result.Margin = margin(limit, result.Observed)
	}
	result.Verdict = judge(counted.bad, counted.samples, share)
	switch {
	case counted.samples == 0:
		result.Reason = "nothing was measured"
		result.Needed = needed(0, 0, share)
	case result.Verdict == Insufficient:
		result.Needed = needed(counted.bad, counted.samples, share)
		result.Reason = fmt.Sprintf("%d of %d %s: too close to the limit to say", counted.bad, counted.samples, counted.name)
		if counted.bad == 0 {
			result.Reason = fmt.Sprintf("%d of %d %s: a verdict takes %d", counted.bad, counted.samples, counted.name, result.Needed)
		}
	case result.Verdict == Violated:
		result.Reason = fmt.Sprintf("%d of %d %s", counted.bad, counted.samples, counted.name)
	}
	return result
}

// allowed is the share of bad requests that the objective allows.
func allowed(objective config.Objective) float64 {
	switch {
	case objective.Indicator == config.Latency:
		return 1 - objective.Quantile
	case objective.Limit.Ceiling():
		return objective.Limit.Value / 100
	default:
		return (100 - objective.Limit.Value) / 100
	}
}

func read(objective config.Objective, m Measurement) count {
	switch objective.Indicator {
	case config.Latency:
		if m.Latency == nil {
			return count{}
		}
		return count{
			bad: m.Latency.AtLeast(objective.Limit.Value), samples: m.Latency.Samples(),
			observed: m.Latency.At(objective.Quantile), name: "were slower",
		}
	case config.ErrorRate:
		return count{bad: m.Failed, samples: m.Requests, observed: percent(m.Failed, m.Requests), name: "failed"}
	case config.Availability:
		return count{bad: m.Unavailable, samples: m.Requests, observed: percent(m.Requests-m.Unavailable, m.Requests), name: "were not served"}
	case config.CacheHit:
		reads := m.CacheHits + m.CacheMisses
		return count{bad: m.CacheMisses, samples: reads, observed: percent(m.CacheHits, reads), name: "missed"}
	}
	return count{}
}

func margin(limit config.Limit, observed float64) float64 {
	if limit.Ceiling() {
		return round(limit.Value - observed)
	}
	return round(observed - limit.Value)
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// round keeps a number readable without turning 99.94 into 99.9.
func round(value float64) float64 { return math.Round(value*1000) / 1000 }
