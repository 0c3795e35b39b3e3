//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// restart measures what replacing every replica of the service costs those who use
// it: 300 requests a second while an identical version takes over, step by step.
func restart(ctx context.Context, binary, state string) ([]figure, error) {
	verify := exec.CommandContext(ctx, binary, "verify", "--slo", "--rate", "300", "--duration", "80s", "--warmup", "5s",
		"-o", "json", "--state-dir", state)
	verify.Stderr = os.Stderr
	type ended struct {
		out []byte
		err error
	}
	load := make(chan ended, 1)
	go func() {
		out, err := verify.Output()
		load <- ended{out, err}
	}()
	select {
	case <-time.After(8 * time.Second): // the load is at its rate
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	kubeconfig := filepath.Join(state, "local", "kubeconfig")
	kubectl := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "kubectl", append([]string{"--kubeconfig", kubeconfig, "-n", "pocctl"}, args...)...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("replace the service's replicas: %w: %s", err, out)
		}
		return string(out), nil
	}
	const rollout = "rollouts.argoproj.io/backend"
	before, err := kubectl("get", rollout, "-o", "jsonpath={.status.stableRS}")
	if err != nil {
		return nil, err
	}
	if _, err := kubectl("patch", rollout, "--type=merge", "-p", `{"spec":{"template":{"metadata":{"annotations":{"bench":"restart"}}}}}`); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(2 * time.Minute); ; {
		now, err := kubectl("get", rollout, "-o", "jsonpath={.status.stableRS}")
		if err != nil {
			return nil, err
		}
		if now != before {
			break
		}
		if time.Now().After(deadline) {
			return nil, errors.New("replace the service's replicas: not done within 2 minutes")
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	got := <-load
	var failed *exec.ExitError
	if got.err != nil && !errors.As(got.err, &failed) { // a missed objective is a figure, too
		return nil, got.err
	}
	var run struct {
		SLO []struct {
			Name     string  `json:"name"`
			Observed float64 `json:"observed"`
			Samples  int64   `json:"samples"`
		} `json:"slo"`
	}
	if err := json.Unmarshal(got.out, &run); err != nil {
		return nil, fmt.Errorf("read the load's figures: %w", err)
	}
	for _, objective := range run.SLO {
		if objective.Name == "availability" && objective.Samples > 0 {
			lost := math.Round(float64(objective.Samples) * (100 - objective.Observed) / 100)
			return []figure{atMost("rolling restart under 300/s: requests lost", lost, 0, "")}, nil
		}
	}
	return nil, errors.New("the load gave no availability")
}
