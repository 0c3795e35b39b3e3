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

// generator measures the load generator on a core of its own.
func generator(ctx context.Context, loadbench string) ([]figure, error) {
	command := exec.CommandContext(ctx, loadbench)
	command.Stderr = os.Stderr
	out, err := command.Output()
	var missed *exec.ExitError // it exits 1 when a goal was missed, and says which
	if err != nil && !errors.As(err, &missed) {
		return nil, fmt.Errorf("measure the load generator: %w", err)
	}
	type run struct {
		Unsent   int64   `json:"unsent"`
		P99      float64 `json:"p99Milliseconds"`
		Attempts int     `json:"attempts"`
	}
	var measured struct {
		Hold  run `json:"hold"`
		Stall run `json:"stall"`
	}
	if err := json.Unmarshal(out, &measured); err != nil {
		return nil, fmt.Errorf("read the load generator's figures: %w", err)
	}
	return []figure{
		atMost("generator: unsent of 100,000 at 10,000/s, one core", float64(measured.Hold.Unsent), 0, ""),
		atMost(fmt.Sprintf("generator: p99 at 10,000/s, one core, best of %d", measured.Hold.Attempts), measured.Hold.P99, 5, "ms"),
		{
			Name: "generator: p99 that shows a stall of 1 s, at least 800", Value: measured.Stall.P99, Goal: 1100,
			Unit: "ms", Met: measured.Stall.P99 >= 800 && measured.Stall.P99 <= 1100,
		},
	}, nil
}
