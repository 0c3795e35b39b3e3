//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os/exec"
	"time"

	"github.com/pocctl/pocctl/internal/verify/load"
)

const (
	// goalTimes is how many times the rate of the other has to be held.
	goalTimes = 2.0
	// leastRate is where the search for the highest rate begins, step is how it goes on.
	leastRate, stepRate, mostRate = 1000.0, 1.25, 100_000.0
	// goalLag is how late 1% may leave for a rate to be held, in milliseconds.
	goalLag = 5.0
	tries   = 3
	// knownRate keeps the core awake: at a few hundred it sleeps between requests, and how
	// long it takes to wake is what one measures.
	knownRate = 2000.0
	costRate  = 5000.0
)

// ability is what one generator can do on one core.
type ability struct {
	// Most is the highest rate held on schedule: every request that was due was sent, none
	// failed, and 99% left within 5 ms of when they were due.
	Most float64 `json:"mostPerSecond"`
	// ErrorP50 and ErrorP99 are how far its percentiles are from those that the handler
	// took by its own clock, in milliseconds.
	ErrorP50 float64 `json:"errorP50Milliseconds"`
	ErrorP99 float64 `json:"errorP99Milliseconds"`
	// CPUMicros is what a request takes of the generator's core, at costRate.
	CPUMicros float64 `json:"cpuMicrosecondsPerRequest"`
}

// comparison is with the other, against the same handler in the same run.
type comparison struct {
	Pocctl ability `json:"pocctl"`
	Vegeta ability `json:"vegeta"`
	Times  float64 `json:"times"` // Most of one over the other's
	OK     bool    `json:"ok"`
}

// attempt is one run of a generator at a rate.
type attempt struct {
	Due    int64   `json:"due"`
	Sent   int64   `json:"sent"`
	Failed int64   `json:"failed"`
	P50    float64 `json:"p50Milliseconds"` // from when it left
	P99    float64 `json:"p99Milliseconds"`
	LagP99 float64 `json:"lagP99Milliseconds"`
	// CPUMicros is the generator's own for a request.
	CPUMicros float64 `json:"cpuMicrosecondsPerRequest"`
}

// held leaves room for the last request, which vegeta may count to the time after.
func (a attempt) held() bool { return a.Sent >= a.Due-1 && a.Failed == 0 && a.LagP99 <= goalLag }

// generator sends requests at a rate for a time, after a warm-up.
type generator func(ctx context.Context, url string, rate float64, duration time.Duration) (attempt, error)

func compare(ctx context.Context, url, vegeta string) (comparison, error) {
	var made comparison
	both := []struct {
		into *ability
		send generator
	}{{&made.Pocctl, ours}, {&made.Vegeta, theirs(vegeta)}}
	for _, one := range both {
		var err error
		if *one.into, err = errorOf(ctx, url, one.send); err != nil {
			return made, err
		}
		cost, err := one.send(ctx, url, costRate, 5*time.Second)
		if err != nil {
			return made, err
		}
		one.into.CPUMicros = math.Round(10*cost.CPUMicros) / 10
	}
	// Last: the rate that is too much leaves thousands of connections behind.
	for _, one := range both {
		most, err := mostHeld(ctx, url, one.send)
		if err != nil {
			return made, err
		}
		one.into.Most = most
	}
	if made.Vegeta.Most > 0 {
		made.Times = math.Round(100*made.Pocctl.Most/made.Vegeta.Most) / 100
	}
	// One that holds no rate at all says that the machine is busy, and nothing else.
	made.OK = made.Vegeta.Most > 0 && made.Times >= goalTimes && made.Pocctl.ErrorP50 <= made.Vegeta.ErrorP50 && made.Pocctl.ErrorP99 <= made.Vegeta.ErrorP99
	return made, nil
}

// mostHeld climbs until a rate is not held, again and again: once may be the machine's.
func mostHeld(ctx context.Context, url string, send generator) (float64, error) {
	most := 0.0
	for rate := leastRate; rate <= mostRate; rate = math.Floor(rate * stepRate) {
		held := false
		for range tries {
			got, err := send(ctx, url, rate, 2*time.Second)
			if err != nil {
				return 0, err
			}
			if held = got.held(); held {
				break
			}
		}
		if !held {
			break
		}
		most = rate
	}
	return most, nil
}

// errorOf measures a handler that knows how long it takes.
func errorOf(ctx context.Context, url string, send generator) (ability, error) {
	if _, err := askTruth(ctx, url); err != nil {
		return ability{}, err
	}
	got, err := send(ctx, url+"/known", knownRate, 10*time.Second)
	if err != nil {
		return ability{}, err
	}
	really, err := askTruth(ctx, url)
	if err != nil {
		return ability{}, err
	}
	return ability{ErrorP50: distance(got.P50, really.P50), ErrorP99: distance(got.P99, really.P99)}, nil
}

func distance(a, b float64) float64 { return math.Round(1000*math.Abs(a-b)) / 1000 }

func askTruth(ctx context.Context, url string) (found truth, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/truth", http.NoBody)
	if err != nil {
		return found, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return found, err
	}
	defer func() { _ = response.Body.Close() }()
	err = json.NewDecoder(response.Body).Decode(&found)
	return found, err
}

func ours(ctx context.Context, url string, rate float64, duration time.Duration) (attempt, error) {
	before := processorTime()
	result, err := load.Run(ctx, load.Options{
		URL: url, Stages: []load.Stage{{Name: "warm-up", Rate: rate, Duration: time.Second, Warmup: true}, {Name: "hold", Rate: rate, Duration: duration}},
		Scenario: load.Scenario{Operations: []load.Operation{{Name: "get", Weight: 1, Method: http.MethodGet, Path: "/"}}},
	})
	if err == nil && result.Interrupted {
		err = ctx.Err()
	}
	total := result.Total
	return attempt{
		CPUMicros: float64((processorTime() - before).Microseconds()) / max(1, float64(result.Wire.Sent)),
		Due:       total.Sent + total.Unsent, Sent: total.Sent, Failed: total.Failed,
		P50: total.Service.P50, P99: total.Service.P99, LagP99: result.Lag.P99,
	}, err
}

func theirs(program string) generator {
	return func(ctx context.Context, url string, rate float64, duration time.Duration) (got attempt, err error) {
		out, err := exec.CommandContext(ctx, program, "-url", url, "-rate", fmt.Sprint(int(rate)), "-duration", duration.String()).Output()
		if err != nil {
			return got, fmt.Errorf("send with %s: %w", program, err)
		}
		err = json.Unmarshal(out, &got)
		return got, err
	}
}
