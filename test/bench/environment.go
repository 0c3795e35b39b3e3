//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// document is what bench reads of pocctl.run/v1.
type document struct {
	Status  string    `json:"status"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Phases  []struct {
		Name    string  `json:"name"`
		Seconds float64 `json:"seconds"`
		Steps   []struct {
			Name    string  `json:"name"`
			Start   float64 `json:"startSeconds"`
			Seconds float64 `json:"seconds"`
		} `json:"steps"`
	} `json:"phases"`
}

// ended gives the latest end, in seconds of the run's clock, of the steps whose
// name begins with prefix.
func (d document) ended(prefix string) float64 {
	last := 0.0
	for _, phase := range d.Phases {
		for _, step := range phase.Steps {
			if strings.HasPrefix(step.Name, prefix) {
				last = max(last, step.Start+step.Seconds)
			}
		}
	}
	return last
}

func (d document) phase(name string) float64 {
	for _, phase := range d.Phases {
		if phase.Name == name {
			return phase.Seconds
		}
	}
	return 0
}

// environment measures an environment's life from an empty state directory.
func environment(ctx context.Context, binary string, settle time.Duration) ([]figure, error) {
	state, err := os.MkdirTemp("", "pocctl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	pocctl := func(args ...string) (document, float64, time.Time, error) {
		began := time.Now()
		command := exec.CommandContext(ctx, binary, append(args, "-o", "json", "--state-dir", state)...)
		command.Stderr = os.Stderr
		out, err := command.Output()
		took := time.Since(began).Seconds()
		if err != nil {
			return document{}, took, began, fmt.Errorf("pocctl %s: %w", strings.Join(args, " "), err)
		}
		var d document
		if err := json.Unmarshal(out, &d); err != nil {
			return d, took, began, fmt.Errorf("read the run of pocctl %s: %w", args[0], err)
		}
		return d, took, began, nil
	}
	defer func() {
		// In case something fails before the measured down.
		_ = exec.Command(binary, "down", "--state-dir", state).Run()
	}()

	first, _, began, err := pocctl("up")
	if err != nil {
		return nil, err
	}
	before := first.Started.Sub(began).Seconds() // the process's own start
	figures := []figure{
		atMost("API server ready", before+first.ended("provision/cluster"), 3.5, "s"),
		atMost("all pods Ready", before+first.ended("deploy/"), 15, "s"),
		atMost("smoke done", before+first.ended("smoke/"), 17, "s"),
	}

	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	megabytes, err := memory(state)
	if err != nil {
		return nil, err
	}
	again, took, _, err := pocctl("up")
	if err != nil {
		return nil, err
	}
	figures = append(figures, atMost("up again, load aside", took-again.phase("verify"), 5, "s"))
	restarted, err := restart(ctx, binary, state)
	if err != nil {
		return nil, err
	}
	figures = append(figures, restarted...)
	_, took, _, err = pocctl("down")
	if err != nil {
		return nil, err
	}
	return append(figures, atMost("down, nothing left", took, 5, "s"), atMost("memory of the environment, PSS", megabytes, 750, "MB")), nil
}

// version measures the start of the process: the middle of many.
func version(ctx context.Context, binary string) (figure, error) {
	const times = 21
	var took []float64
	for range times {
		began := time.Now()
		if err := exec.CommandContext(ctx, binary, "version").Run(); err != nil {
			return figure{}, fmt.Errorf("pocctl version: %w", err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(took)
	return atMost("pocctl version, median of 21", took[times/2], 60, "ms"), nil
}
