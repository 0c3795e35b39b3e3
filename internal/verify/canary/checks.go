package canary

import (
	"fmt"
	"math"
	"time"
)

const (
	percent        = "%"
	milliseconds   = "ms"
	bytesPerSecond = "bytes/s"
)

// What a difference has to be, besides significant, to matter.
const (
	fewestBad       = 5     // fewer failed or slow requests are never evidence
	errorDifference = 0.005 // of the shares of errors
	slowdownFactor  = 1.5   // of a quantile, to the stable version's
	slowdown        = 20 * time.Millisecond
	growthFactor    = 2         // of memory, to the stable version's
	noticedGrowth   = 256 << 10 // bytes/s: 15 MiB in a minute
)

// judging is what the checks have in common.
type judging struct {
	canary, stable Window
	limits         Limits
	wrong          string // what about the stable version's figures can't be
}

// errors tests whether the canary's rate of errors is above the objective. An error is
// one at any weight: all of them count, so that a small share of the requests does not
// have to show it again and again.
func (j judging) errors() Finding {
	whole := j.canary.Tally()
	canary, stable := split{bad: whole.Errors, all: whole.Requests}, split{}
	if j.wrong == "" {
		beside := j.stable.Tally()
		stable = split{bad: beside.Errors, all: beside.Requests}
	}
	p := atLeast(canary.bad, canary.all, j.limits.ErrorRate)
	both := j.both(canary, stable, j.limits.ErrorRate)
	return j.objective(ErrorRate, canary, stable, j.limits.ErrorRate, p, both, "failed")
}

// latency tests whether more requests than the objective allows are slower than
// its bound.
func (j judging) latency() Finding {
	canary, found := j.canary.slower(j.limits.LatencyBound)
	if !found {
		return Finding{
			Name: Latency, Unit: percent, Limit: 100 * j.limits.LatencyShare, Samples: j.canary.Requests, PValue: 1, Verdict: Insufficient,
			Reason: fmt.Sprintf("no bucket of the canary's latency ends at the objective's %s", inMilliseconds(1000*j.limits.LatencyBound)),
		}
	}
	var stable split
	if j.wrong == "" {
		stable, _ = j.stable.slower(j.limits.LatencyBound)
	}
	few := j.inAPause()
	thin := canary.thinned(few)
	p := atLeast(thin.bad, thin.all, j.limits.LatencyShare)
	both := j.both(thin, stable.thinned(few), j.limits.LatencyShare)
	return j.objective(Latency, canary, stable, j.limits.LatencyShare, p, both, "took over "+inMilliseconds(1000*j.limits.LatencyBound))
}

// both says that the stable version misses the limit as well, and the canary is not
// the worse one: what is wrong is what both stand on, and no reason to go back.
func (j judging) both(canary, stable split, limit float64) bool {
	return j.wrong == "" && stable.all > 0 && atLeast(stable.bad, stable.all, limit) <= j.limits.alpha() &&
		greater(stratum{canary, stable}) > j.limits.alpha()
}

// objective makes a finding of a share of the canary's requests and its limit. A
// share over the limit that may be chance is no pass.
func (j judging) objective(name string, canary, stable split, limit, p float64, both bool, did string) Finding {
	finding := Finding{
		Name: name, Canary: 100 * canary.share(), Stable: 100 * stable.share(), Limit: 100 * limit,
		Unit: percent, Samples: canary.all, PValue: p, Verdict: Pass,
	}
	finding.Reason = shares(canary, stable, did) + "; limit " + inPercent(finding.Limit)
	switch {
	case p <= j.limits.alpha() && canary.bad >= fewestBad && both:
		finding.Verdict = Insufficient
		finding.Reason += ": both miss it, so look at what both stand on"
	case p <= j.limits.alpha() && canary.bad >= fewestBad:
		finding.Verdict = Fail
	case canary.all < j.limits.MinimumRequests:
		finding.Verdict = Insufficient
		finding.Reason += j.tooFew()
	case canary.share() > limit:
		finding.Verdict = Insufficient
		finding.Reason += ", too close to say"
	}
	return finding
}

// errorsAgainstStable tests whether the canary fails more often than the stable
// version, by enough to matter.
func (j judging) errorsAgainstStable() Finding {
	canary, stable := split{bad: j.canary.Errors, all: j.canary.Requests}, j.stableErrors()
	finding := Finding{
		Name: ErrorRateAgainstStable, Canary: 100 * canary.share(), Stable: 100 * stable.share(),
		Limit: 100 * (stable.share() + errorDifference), Unit: percent, Samples: canary.all, PValue: 1, Verdict: Pass,
	}
	if j.wrong != "" {
		return j.incomparable(finding)
	}
	finding.PValue = greater(stratum{canary, stable})
	finding.Reason = shares(canary, stable, "failed")
	matters := canary.share()-stable.share() >= errorDifference && canary.bad >= fewestBad
	return j.compared(finding, matters)
}

// latencyAgainstStable tests at each bucket's bound whether more of the canary's
// requests are slower, and asks whether p95 or p99 has moved by enough to matter.
func (j judging) latencyAgainstStable() Finding {
	finding := Finding{Name: LatencyAgainstStable, Unit: milliseconds, Samples: j.canary.Requests, PValue: 1, Verdict: Pass}
	if j.wrong != "" {
		return j.incomparable(finding)
	}
	canary, stable := j.canary, j.stable
	canary.Buckets, stable.Buckets = common(j.canary.Buckets, j.stable.Buckets)
	if len(canary.Buckets) == 0 && stable.Requests > 0 {
		finding.Verdict, finding.Reason = Insufficient, "the canary's and the stable version's latency have no bucket in common"
		return finding
	}
	matters := false
	for _, share := range []float64{0.99, 0.95} {
		now, _ := canary.quantile(share)
		before, lower := stable.quantile(share)
		limit := max(before*slowdownFactor, before+slowdown.Seconds())
		p := 1.0
		if now >= limit {
			p = j.slowerBetween(canary.Buckets, lower, now)
		}
		if finding.Reason == "" || p < finding.PValue {
			finding.Canary, finding.Stable, finding.Limit = 1000*now, 1000*before, 1000*limit
			finding.PValue, matters = p, now >= limit
			finding.Reason = fmt.Sprintf("p%.0f is %s of %s requests, the stable version's %s of %s", 100*share,
				inMilliseconds(finding.Canary), grouped(canary.Requests), inMilliseconds(finding.Stable), grouped(stable.Requests))
		}
	}
	finding.Reason += "; limit " + inMilliseconds(finding.Limit)
	return j.compared(finding, matters)
}

// slowerBetween tests at the bounds between two times alone, since a difference
// elsewhere isn't why the quantile moved. The correction is for all bounds at which a
// slowdown can matter, as those between depend on the requests. If any is rejected,
// Holm's method rejects just where Bonferroni's does.
//
// All weights so far say something, each of them for itself: what the machine did
// meanwhile is then in both versions.
func (j judging) slowerBetween(buckets []Bucket, from, to float64) float64 {
	least, bounds := 1.0, 0
	for _, bucket := range buckets {
		if bucket.Bound < slowdown.Seconds() {
			continue
		}
		bounds++
		if bucket.Bound < from || bucket.Bound > to {
			continue
		}
		least = min(least, j.slowerThan(bucket.Bound))
	}
	return min(1, least*float64(bounds))
}

// slowerThan takes the better of two tests, and doubles it for that: of requests, where
// as many as come in a pause are one, and of misfortunes, where the parts tell how many.
func (j judging) slowerThan(bound float64) float64 {
	few, bad := j.inAPause(), int64(0)
	var strata []stratum
	for _, both := range j.weights() {
		canary, known := both.canary.slower(bound)
		stable, same := both.stable.slower(bound)
		if known && same {
			bad += canary.bad
			strata = append(strata, stratum{canary.thinned(few), stable.thinned(few)})
		}
	}
	if bad < fewestBad {
		return 1
	}
	return min(1, 2*min(greater(strata...), j.oftener(bound)))
}

// pair is what both versions did at the same time.
type pair struct{ canary, stable Window }

// weights pairs what both versions did at each weight.
func (j judging) weights() []pair {
	pairs := []pair{{j.canary, j.stable}}
	if len(j.canary.Before) != len(j.stable.Before) {
		return pairs
	}
	for i, canary := range j.canary.Before {
		if stable := j.stable.Before[i]; canary.broken() == "" && stable.broken() == "" {
			pairs = append(pairs, pair{canary, stable})
		}
	}
	return pairs
}

// compared gives the verdict of a finding against the stable version.
func (j judging) compared(finding Finding, matters bool) Finding {
	switch {
	case matters && finding.PValue <= j.limits.alpha():
		finding.Verdict = Fail
	case j.canary.Requests < j.limits.MinimumRequests:
		finding.Verdict = Insufficient
		finding.Reason += j.tooFew()
	case j.stable.Requests < j.limits.MinimumRequests:
		finding.Verdict = Insufficient
		finding.Reason += fmt.Sprintf("; to compare takes %s of the stable version", grouped(j.limits.MinimumRequests))
	}
	return finding
}

// incomparable is a finding that the stable version's figures don't allow.
func (j judging) incomparable(finding Finding) Finding {
	finding.Verdict, finding.Reason = Insufficient, "the stable version's figures are wrong: "+j.wrong
	finding.Stable, finding.Limit = 0, 0
	return finding
}

// memory compares the pods that grow fastest. It fails by the limit alone: a new
// process grows while it warms up.
func (j judging) memory() Finding {
	finding := Finding{
		Name: MemoryGrowth, Limit: j.limits.MaximumMemoryGrowth, Unit: bytesPerSecond,
		Samples: int64(len(j.canary.MemoryGrowth)), PValue: 1, Verdict: Pass,
	}
	if len(j.canary.MemoryGrowth) == 0 {
		finding.Reason = "no pod of the canary has been watched for long enough to see its memory grow"
		if j.limits.MaximumMemoryGrowth > 0 {
			finding.Verdict = Insufficient
		}
		return finding
	}
	finding.Canary = fastest(j.canary.MemoryGrowth)
	finding.Reason = "memory grows by " + inBytes(finding.Canary) + "/s in a pod"
	if len(j.stable.MemoryGrowth) > 0 && j.wrong == "" {
		finding.Stable = fastest(j.stable.MemoryGrowth)
		finding.Reason += ", the stable version's by " + inBytes(finding.Stable) + "/s"
	}
	if finding.Limit > 0 {
		finding.Reason += "; limit " + inBytes(finding.Limit) + "/s"
	}
	switch {
	case finding.Limit > 0 && finding.Canary > finding.Limit:
		finding.Verdict = Fail
	case finding.Canary > noticedGrowth && finding.Canary > growthFactor*finding.Stable:
		finding.Verdict = Warn
	}
	return finding
}

func fastest(growth map[string]float64) float64 {
	most := math.Inf(-1)
	for _, rate := range growth {
		most = max(most, rate)
	}
	return most
}

func (j judging) stableErrors() split {
	if j.wrong != "" {
		return split{}
	}
	return split{bad: j.stable.Errors, all: j.stable.Requests}
}

func (j judging) tooFew() string {
	return fmt.Sprintf("; a verdict takes %s requests", grouped(j.limits.MinimumRequests))
}
