package canary

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// behaviour is how a version answers.
type behaviour struct {
	errors    float64 // share
	slow      float64 // share of requests that take slowBy longer
	slowBy    float64 // seconds
	stallsAt  float64 // pauses of each pod per second
	stallsFor float64 // their mean, in seconds
}

// traffic is what both versions get, at once.
type traffic struct {
	canary, stable behaviour
	rate           float64   // of each pod, requests per second; of all pods if there are weights
	weights        []float64 // shares of the canary, each for as long
	stablePods     int
	seconds, look  int     // how long, and how often the counters are read
	load           float64 // of the machine: how much latency wanders from second to second
	outage         float64 // chance, at each second, that 4% of both versions' requests fail
}

// simulation holds what a machine's requests share.
type simulation struct {
	traffic
	random *rand.Rand
	bounds []float64
	pace   []float64 // factor of latency, by second
	failed []float64 // share of errors besides a version's own, by second
}

func newSimulation(t traffic, seed uint64) *simulation {
	s := &simulation{
		traffic: t, random: rand.New(rand.NewPCG(seed, 7)),
		bounds: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10},
	}
	wander := 0.0
	for range t.seconds {
		wander = 0.8*wander + t.load*s.random.NormFloat64()
		s.pace = append(s.pace, math.Exp(wander))
		failed := 0.0
		if s.random.Float64() < t.outage {
			failed = 0.04
		}
		s.failed = append(s.failed, failed)
	}
	return s
}

// settles is how many seconds after a change of weights nothing counts.
const settles = 3

// each is how many seconds a weight lasts.
func (t traffic) each() int { return t.seconds / max(1, len(t.weights)) }

// busy gives the requests per second of a pod in a second.
func (t traffic) busy(ofCanary bool, second int) float64 {
	if len(t.weights) == 0 {
		return t.rate
	}
	weight := t.weights[min(second/t.each(), len(t.weights)-1)]
	if ofCanary {
		return t.rate * weight
	}
	return t.rate * (1 - weight) / float64(t.stablePods)
}

// pod gives what a pod has counted at each look.
func (s *simulation) pod(b behaviour, ofCanary bool) []Pod {
	counts := make([]int64, len(s.bounds)+1)
	var looks []Pod
	var pod Pod
	now, stalled, next := 0.0, 0.0, math.Inf(1)
	if b.stallsAt > 0 {
		next = s.random.ExpFloat64() / b.stallsAt
	}
	for second := range s.seconds {
		for ; now < float64(second+1); now += s.random.ExpFloat64() / s.busy(ofCanary, second) {
			for next < now {
				stalled = max(stalled, next+s.random.ExpFloat64()*b.stallsFor)
				next += s.random.ExpFloat64() / b.stallsAt
			}
			latency := 0.005*s.pace[second]*math.Exp(0.5*s.random.NormFloat64()) + max(0, stalled-now)
			if b.slow > 0 && s.random.Float64() < b.slow {
				latency += b.slowBy
			}
			index, _ := slices.BinarySearch(s.bounds, latency)
			counts[index]++
			pod.Requests++
			if s.random.Float64() < b.errors+s.failed[second] {
				pod.Errors++
			}
		}
		if (second+1)%s.look == 0 {
			seen, total := pod, int64(0)
			for i, bound := range s.bounds {
				total += counts[i]
				seen.Buckets = append(seen.Buckets, Bucket{Bound: bound, Count: total})
			}
			seen.Sampled = time.Unix(int64(second+1), 0)
			looks = append(looks, seen)
		}
	}
	return looks
}

// run judges at each look, and gives the first verdict that fails, or else the last.
func (s *simulation) run(limits Limits) Verdict {
	canary, stable := s.pod(s.canary, true), make([][]Pod, s.stablePods)
	for i := range stable {
		stable[i] = s.pod(s.stable, false)
	}
	var verdict Verdict
	var ofCanary, ofStable *Record
	var before, beside []Window
	weight := -1
	for look := range canary {
		second := (look + 1) * s.look
		if now := (second - 1) / s.each(); len(s.weights) > 0 && now != weight || weight < 0 {
			if weight >= 0 {
				before, beside = append(before, ofCanary.Window()), append(beside, ofStable.Window())
			}
			weight, ofCanary, ofStable = now, &Record{}, &Record{}
			if len(s.weights) == 0 {
				from := Counters{"canary": {Sampled: time.Unix(0, 0)}}
				for i := range stable {
					from[string(rune('a'+i))] = from["canary"]
				}
				ofCanary.Add(Counters{"canary": from["canary"]})
				delete(from, "canary")
				ofStable.Add(from)
			}
		}
		if len(s.weights) > 0 && second-weight*s.each() < settles {
			continue
		}
		now := Counters{}
		for i := range stable {
			now[string(rune('a'+i))] = stable[i][look]
		}
		ofCanary.Add(Counters{"canary": canary[look]})
		ofStable.Add(now)
		fresh, stable := ofCanary.Window(), ofStable.Window()
		fresh.Before, stable.Before = before, beside
		if verdict = Judge(fresh, stable, limits); verdict.Outcome == Fail {
			return verdict
		}
	}
	return verdict
}

// outcomes counts how many of the runs end how, and why they fail.
func outcomes(t *testing.T, runs int, traffic traffic) (ended map[Outcome]int64, failed map[string]int64) {
	t.Helper()
	verdicts := make([]Verdict, runs)
	var next atomic.Int64
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			for run := next.Add(1) - 1; run < int64(runs); run = next.Add(1) - 1 {
				verdicts[run] = newSimulation(traffic, uint64(run)).run(objectives())
			}
			return nil
		})
	}
	_ = group.Wait()
	ended, failed = map[Outcome]int64{}, map[string]int64{}
	for _, verdict := range verdicts {
		ended[verdict.Outcome]++
		if verdict.Outcome == Fail {
			failed[verdict.Deciding.Name]++
		}
	}
	return ended, failed
}

func TestIdenticalVersionsPass(t *testing.T) {
	quiet := behaviour{errors: 0.001}
	stalling := behaviour{errors: 0.001, stallsAt: 0.05, stallsFor: 0.15}
	dozing := behaviour{errors: 0.001, stallsAt: 0.5, stallsFor: 0.08}
	tail := behaviour{errors: 0.001, slow: 0.02, slowBy: 0.2, stallsAt: 0.05, stallsFor: 0.15}
	weights := []float64{0.1, 0.25, 0.5, 0.75}
	for name, traffic := range map[string]traffic{
		"quiet":                    {canary: quiet, stable: quiet, rate: 60, stablePods: 4},
		"half of the requests":     {canary: stalling, stable: stalling, rate: 150, stablePods: 1, load: 0.3},
		"often, and for long":      {canary: dozing, stable: dozing, rate: 60, stablePods: 2, load: 0.3},
		"at four weights":          {canary: stalling, stable: stalling, rate: 150, stablePods: 2, load: 0.3, weights: weights},
		"at four weights, dozing":  {canary: dozing, stable: dozing, rate: 150, stablePods: 2, load: 0.3, weights: weights},
		"at four weights, slow":    {canary: tail, stable: tail, rate: 300, stablePods: 2, load: 0.3, weights: weights},
		"a busy machine's outages": {canary: stalling, stable: stalling, rate: 60, stablePods: 4, load: 0.3, outage: 0.02},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			traffic.seconds, traffic.look = 60, 5
			if len(traffic.weights) > 0 {
				traffic.seconds, traffic.look = 40, 2
			}
			const runs = 2000
			ended, failed := outcomes(t, runs, traffic)
			share := float64(ended[Fail]) / runs
			t.Logf("%.2f%% of %d runs raise a false alarm: %v, by %v", 100*share, runs, ended, failed)
			if share >= 0.01 {
				t.Errorf("%.2f%% of runs raise a false alarm, want less than 1%%", 100*share)
			}
			if passed := float64(ended[Pass]) / runs; passed < 0.95 {
				t.Errorf("%.2f%% of runs pass, want 95%%", 100*passed)
			}
		})
	}
}

func TestRegressionsAreFound(t *testing.T) {
	stable := behaviour{errors: 0.001, stallsAt: 0.05, stallsFor: 0.15}
	worse := func(change func(*behaviour)) behaviour {
		changed := stable
		change(&changed)
		return changed
	}
	weights := []float64{0.1, 0.25, 0.5, 0.75}
	for name, test := range map[string]struct {
		canary  behaviour
		seconds int     // 40: at four weights
		share   float64 // of runs that have to fail
		because string
	}{
		"errors of 5% in 6 s":                   {worse(func(b *behaviour) { b.errors = 0.05 }), 6, 0.99, ErrorRateAgainstStable},
		"all requests fail in 3 s":              {worse(func(b *behaviour) { b.errors = 1 }), 3, 1, ErrorRate},
		"2% slower by 1 s, in two minutes":      {worse(func(b *behaviour) { b.slow, b.slowBy = 0.02, 1 }), 120, 0.95, LatencyAgainstStable},
		"3% slower by 1 s, in a minute":         {worse(func(b *behaviour) { b.slow, b.slowBy = 0.03, 1 }), 60, 0.95, LatencyAgainstStable},
		"8% slower by 200 ms, in half a minute": {worse(func(b *behaviour) { b.slow, b.slowBy = 0.08, 0.2 }), 30, 0.95, LatencyAgainstStable},
		"3% slower by 250 ms, in four steps":    {worse(func(b *behaviour) { b.slow, b.slowBy = 0.03, 0.25 }), 40, 0.9, LatencyAgainstStable},
		"20% slower by 400 ms, in 12 s":         {worse(func(b *behaviour) { b.slow, b.slowBy = 0.2, 0.4 }), 12, 0.99, ""},
		"all slower by 50 ms, within 6 s":       {worse(func(b *behaviour) { b.slow, b.slowBy = 1, 0.05 }), 6, 0.99, LatencyAgainstStable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const runs = 500
			given := traffic{canary: test.canary, stable: stable, rate: 60, stablePods: 4, load: 0.3, seconds: test.seconds, look: 3}
			if test.seconds == 40 {
				given.rate, given.stablePods, given.look, given.weights = 150, 2, 1, weights
			}
			ended, failed := outcomes(t, runs, given)
			share := float64(ended[Fail]) / runs
			t.Logf("%.1f%% of %d runs fail: %v, by %v", 100*share, runs, ended, failed)
			if share < test.share {
				t.Errorf("%.1f%% of runs fail, want %.0f%%", 100*share, 100*test.share)
			}
			if test.because != "" && failed[test.because] == 0 {
				t.Errorf("none fails by %s: %v", test.because, failed)
			}
		})
	}
}
