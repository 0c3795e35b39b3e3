package canary

import (
	"fmt"
	"math"
	"time"
)

// Outcome is what the requests say of the canary, or of one check.
type Outcome string

// The outcomes.
const (
	Pass         Outcome = "pass"         // enough was seen, and nothing speaks against it
	Warn         Outcome = "warn"         // of a check alone: worth a look, and no reason to abort
	Fail         Outcome = "fail"         // shown to be worse
	Insufficient Outcome = "insufficient" // too little was seen, or what was seen can't be
	NoData       Outcome = "no-data"      // the canary got no requests at all
)

// The names of checks.
const (
	ErrorRate              = "error-rate"
	ErrorRateAgainstStable = "error-rate-against-stable"
	Latency                = "latency"
	LatencyAgainstStable   = "latency-against-stable"
	MemoryGrowth           = "memory-growth"
)

// tests are the checks that have a p-value, which share the chance of a false alarm.
const tests = 4

// Limits are what a canary is judged by. ErrorRate, LatencyBound and LatencyShare
// come from the objectives and have no defaults: without them nothing passes.
type Limits struct {
	ErrorRate    float64 // share of requests that may fail: 0.01
	LatencyBound float64 // seconds, where a bucket ends: 0.3
	LatencyShare float64 // share of requests that may be slower: 0.05 for p95
	// MinimumRequests that each version has to have answered for a pass; 100 by
	// default. A fail may take fewer.
	MinimumRequests int64
	// Alpha is how likely a canary like the stable version may fail, over all checks
	// and looks; 0.01 by default.
	Alpha float64
	// Looks is how often the canary is going to be judged, at most; 30 by default.
	// Each look spends an equal part of Alpha (Bonferroni).
	Looks int64
	// Pause is how long the process or the machine may stand still now and then without
	// a fault of the release; 200 ms by default. Requests of a pod at such a time share
	// their fate in latency, so as many as come meanwhile, but at least twelve, count as
	// one sample.
	Pause time.Duration
	// MaximumMemoryGrowth is in bytes per second of a pod; 0 if it isn't judged.
	MaximumMemoryGrowth float64
}

// Finding is one check: the figures, and what they say.
type Finding struct {
	Name    string  `json:"name"`
	Canary  float64 `json:"canary"`
	Stable  float64 `json:"stable"`
	Limit   float64 `json:"limit"`   // of the canary's figure; 0 if there is none
	Unit    string  `json:"unit"`    // of the three above: "%", "ms", "bytes/s"
	Samples int64   `json:"samples"` // the canary's: requests, or pods for memory
	// PValue is how likely such figures are for a canary that is no worse; 1 if they
	// speak for it or there is no test.
	PValue  float64 `json:"p_value"`
	Verdict Outcome `json:"verdict"`
	Reason  string  `json:"reason"` // a line for people, with the figures
}

// Verdict sums findings up.
type Verdict struct {
	Outcome Outcome `json:"outcome"` // never Warn
	// Deciding is the first finding that failed, or else can't tell; of a pass, the one
	// that was closest to failing.
	Deciding Finding   `json:"deciding"`
	Findings []Finding `json:"findings"`
	Reason   string    `json:"reason"` // a line for people, with the figures
}

// Judge compares a canary with the stable version, over the same time, and with
// limits. It fails a canary only on evidence: exact tests, which between them and
// over all looks fail a canary that is no worse with a probability of at most Alpha.
// It passes one only if each check could be made, and none of the canary's own
// figures lies over its objective.
func Judge(canary, stable Window, limits Limits) Verdict {
	limits = limits.withDefaults()
	if wrong := limits.broken(); wrong != "" {
		return undecided(Insufficient, canary, wrong)
	}
	if wrong := canary.broken(); wrong != "" {
		return undecided(Insufficient, canary, "the canary's figures are wrong: "+wrong)
	}
	if canary.Requests == 0 {
		return undecided(NoData, canary, fmt.Sprintf("the canary got no requests, the stable version %s", grouped(stable.Requests)))
	}
	j := judging{canary: canary, stable: stable, limits: limits, wrong: stable.broken()}
	return sum([]Finding{j.errors(), j.errorsAgainstStable(), j.latency(), j.latencyAgainstStable(), j.memory()}, canary)
}

// sum takes the findings together: one that failed decides, or else one that can't
// tell.
func sum(findings []Finding, canary Window) Verdict {
	for _, outcome := range []Outcome{Fail, Insufficient} {
		for _, finding := range findings {
			if finding.Verdict != outcome {
				continue
			}
			reason := finding.Reason
			if outcome == Insufficient && finding.Name == MemoryGrowth { // all others passed
				_, good := closest(findings, canary)
				reason = good + "; " + reason
			}
			return Verdict{Outcome: outcome, Deciding: finding, Findings: findings, Reason: reason}
		}
	}
	deciding, reason := closest(findings, canary)
	return Verdict{Outcome: Pass, Deciding: deciding, Findings: findings, Reason: reason}
}

// closest is the finding that was the closest to failing, and says that none did.
func closest(findings []Finding, canary Window) (Finding, string) {
	least := findings[0]
	for _, finding := range findings[1:] {
		if finding.PValue < least.PValue {
			least = finding
		}
	}
	return least, fmt.Sprintf("nothing in %s requests speaks against it: %s", grouped(canary.Requests), least.Reason)
}

// undecided is the verdict where no check can be made.
func undecided(outcome Outcome, canary Window, reason string) Verdict {
	units := []struct{ name, unit string }{
		{ErrorRate, percent}, {ErrorRateAgainstStable, percent}, {Latency, percent},
		{LatencyAgainstStable, milliseconds}, {MemoryGrowth, bytesPerSecond},
	}
	findings := make([]Finding, 0, len(units))
	for _, check := range units {
		findings = append(findings, Finding{
			Name: check.name, Unit: check.unit, Samples: max(0, canary.Requests), PValue: 1, Verdict: outcome, Reason: reason,
		})
	}
	return Verdict{Outcome: outcome, Deciding: findings[0], Findings: findings, Reason: reason}
}

func (l Limits) withDefaults() Limits {
	if l.MinimumRequests <= 0 {
		l.MinimumRequests = 100
	}
	if l.Alpha == 0 {
		l.Alpha = 0.01
	}
	if l.Looks <= 0 {
		l.Looks = 30
	}
	if l.Pause <= 0 {
		l.Pause = 200 * time.Millisecond
	}
	return l
}

// broken says which limit can't be one, or nothing. Comparisons are such that NaN
// is wrong.
func (l Limits) broken() string {
	isShare := func(share float64) bool { return share > 0 && share < 1 }
	switch {
	case !isShare(l.ErrorRate):
		return fmt.Sprintf("the limit of errors, %v, isn't a share between 0 and 1", l.ErrorRate)
	case !isShare(l.LatencyShare):
		return fmt.Sprintf("the limit of slow requests, %v, isn't a share between 0 and 1", l.LatencyShare)
	case !(l.LatencyBound > 0) || math.IsInf(l.LatencyBound, 0):
		return fmt.Sprintf("the limit of latency, %v s, isn't a time", l.LatencyBound)
	case !isShare(l.Alpha):
		return fmt.Sprintf("alpha, %v, isn't a share between 0 and 1", l.Alpha)
	case !(l.MaximumMemoryGrowth >= 0) || math.IsInf(l.MaximumMemoryGrowth, 0):
		return fmt.Sprintf("the limit of memory's growth, %v bytes/s, isn't one", l.MaximumMemoryGrowth)
	}
	return ""
}

// alpha is what one test may spend at one look.
func (l Limits) alpha() float64 { return l.Alpha / float64(l.Looks) / tests }
