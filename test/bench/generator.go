//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// generator measures the load generator on a core of its own, and vegeta beside it.
func (b bench) generator(ctx context.Context) ([]figure, error) {
	command := exec.CommandContext(ctx, b.loadbench, "-vegeta", b.vegeta)
	command.Stderr = os.Stderr
	out, err := command.Output()
	var missed *exec.ExitError // it exits 1 when a goal was missed, and says which
	if err != nil && !errors.As(err, &missed) {
		return nil, fmt.Errorf("measure the load generator: %w", err)
	}
	type ability struct {
		Most      float64 `json:"mostPerSecond"`
		ErrorP50  float64 `json:"errorP50Milliseconds"`
		ErrorP99  float64 `json:"errorP99Milliseconds"`
		CPUMicros float64 `json:"cpuMicrosecondsPerRequest"`
	}
	type run struct {
		Unsent   int64   `json:"unsent"`
		P99      float64 `json:"p99Milliseconds"`
		Attempts int     `json:"attempts"`
	}
	var measured struct {
		Hold    run `json:"hold"`
		Stall   run `json:"stall"`
		Compare struct {
			Pocctl ability `json:"pocctl"`
			Vegeta ability `json:"vegeta"`
			Times  float64 `json:"times"`
		} `json:"compare"`
	}
	if err := json.Unmarshal(out, &measured); err != nil {
		return nil, fmt.Errorf("read the load generator's figures: %w", err)
	}
	ours, theirs := measured.Compare.Pocctl, measured.Compare.Vegeta
	return []figure{
		{
			Name:  fmt.Sprintf("generator: times vegeta's rate on one core (%.0f/s for %.0f/s), at least", ours.Most, theirs.Most),
			Value: measured.Compare.Times, Goal: 2, Unit: "×", Met: theirs.Most > 0 && measured.Compare.Times >= 2,
		},
		atMost("generator: error of p99 of a known delay, vegeta's as the goal", ours.ErrorP99, theirs.ErrorP99, "ms"),
		shown(fmt.Sprintf("generator: error of its p50 (vegeta's is %.3g)", theirs.ErrorP50), ours.ErrorP50, "ms"),
		// At this rate it wakes for each request, to be on time.
		shown(fmt.Sprintf("generator: processor time of a request at 5,000/s (vegeta's is %.3g)", theirs.CPUMicros), ours.CPUMicros, "µs"),
		atMost("generator: unsent of 100,000 at 10,000/s, one core", float64(measured.Hold.Unsent), 0, ""),
		atMost(fmt.Sprintf("generator: p99 at 10,000/s, one core, best of %d", measured.Hold.Attempts), measured.Hold.P99, 5, "ms"),
		{
			Name: "generator: p99 that shows a stall of 1 s, at least 800", Value: measured.Stall.P99, Goal: 1100,
			Unit: "ms", Met: measured.Stall.P99 >= 800 && measured.Stall.P99 <= 1100,
		},
	}, nil
}

// long measures whether the load generator's memory grows with what it has sent.
func (b bench) long(ctx context.Context) ([]figure, error) {
	command := exec.CommandContext(ctx, b.loadbench, "-soak", b.soak.String())
	command.Stderr = os.Stderr
	out, err := command.Output()
	var missed *exec.ExitError
	if err != nil && !errors.As(err, &missed) {
		return nil, fmt.Errorf("soak: %w", err)
	}
	var measured struct {
		Soak struct {
			Sent   int64   `json:"sent"`
			Early  float64 `json:"earlyMB"`
			Growth float64 `json:"growthMB"`
		} `json:"soak"`
	}
	if err := json.Unmarshal(out, &measured); err != nil {
		return nil, fmt.Errorf("read the soak's figures: %w", err)
	}
	return []figure{atMost(fmt.Sprintf("generator: growth of its %.0f MB in %s, over %d requests", measured.Soak.Early, b.soak, measured.Soak.Sent),
		measured.Soak.Growth, 5, "MB")}, nil
}
