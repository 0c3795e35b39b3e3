//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// document is what bench reads of pocctl.run/v1.
type document struct {
	Status    string            `json:"status"`
	Started   time.Time         `json:"started"`
	Seconds   float64           `json:"seconds"`
	Endpoints map[string]string `json:"endpoints"`
	Canary    *struct {
		To       string  `json:"to"` // 0.1.0 (hash of its pods' template)
		Verdict  string  `json:"verdict"`
		Weight   int     `json:"weight"`
		Requests int64   `json:"requests"`
		Seconds  float64 `json:"seconds"`
	} `json:"canary"`
	Phases []struct {
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

// stack is an environment of its own, in a state directory of its own.
type stack struct {
	ctx    context.Context
	binary string
	state  string
	file   string // of the environment; empty for the built-in one
}

func newStack(ctx context.Context, binary, file string) (*stack, error) {
	state, err := os.MkdirTemp("", "pocctl-bench-")
	return &stack{ctx: ctx, binary: binary, state: state, file: file}, err
}

// close takes it away, whatever became of it.
func (s *stack) close() {
	_ = exec.Command(s.binary, "down", "--state-dir", s.state).Run()
	_ = os.RemoveAll(s.state)
}

// ran is a run of pocctl: what it tells, and when.
type ran struct {
	document
	took  float64
	began time.Time
	said  string // its progress
}

// pocctl runs a command to its end. A run that says how it failed is no error here
// if its exit code is the one that is wanted.
func (s *stack) pocctl(wanted int, args ...string) (ran, error) {
	args = append(args, "-o", "json", "--state-dir", s.state)
	if s.file != "" {
		args = append(args, "--env", s.file)
	}
	var said bytes.Buffer
	command := exec.CommandContext(s.ctx, s.binary, args...)
	command.Stderr = io.MultiWriter(&said, os.Stderr)
	r := ran{began: time.Now()}
	out, err := command.Output()
	r.took, r.said = time.Since(r.began).Seconds(), said.String()
	if exit := command.ProcessState.ExitCode(); exit != wanted {
		return r, errors.Join(fmt.Errorf("pocctl %s: exit %d, %d wanted", strings.Join(args, " "), exit, wanted), err)
	}
	if err := json.Unmarshal(out, &r.document); err != nil {
		return r, fmt.Errorf("read the run of pocctl %s: %w", args[0], err)
	}
	return r, nil
}

// ready gives when steps had ended, from the process's own start on.
func (r ran) ready(steps string) float64 { return r.Started.Sub(r.began).Seconds() + r.ended(steps) }

// environment measures an environment's life from an empty state directory.
func (b bench) environment(ctx context.Context) ([]figure, error) {
	s, err := newStack(ctx, b.binary, "")
	if err != nil {
		return nil, err
	}
	defer s.close()
	first, err := s.pocctl(0, "up")
	if err != nil {
		return nil, err
	}
	figures := []figure{
		atMost("API server ready", first.ready("provision/cluster"), 3.5, "s"),
		atMost("all pods Ready", first.ready("deploy/"), 15, "s"),
		atMost("smoke done", first.ready("smoke/"), 17, "s"),
	}
	held, err := b.settled(ctx, s)
	if err != nil {
		return figures, err
	}
	figures = append(figures, atMost("memory of the environment, PSS", held[everything], 750, "MB"))
	again, err := s.pocctl(0, "up")
	if err != nil {
		return figures, err
	}
	figures = append(figures, atMost("up again, load aside", again.took-again.phase("verify"), 5, "s"))
	restarted, err := restart(ctx, b.binary, s.state)
	if err != nil {
		return figures, err
	}
	figures = append(figures, restarted...)
	down, err := s.pocctl(0, "down")
	if err != nil {
		return figures, err
	}
	return append(figures, atMost("down, nothing left", down.took, 5, "s")), nil
}

// settled gives the memory of an environment that has come to rest.
func (b bench) settled(ctx context.Context, s *stack) (map[string]float64, error) {
	select {
	case <-time.After(b.settle):
		return memory(s.state)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// version measures the start of the process: the middle of many.
func (b bench) version(ctx context.Context) ([]figure, error) {
	const times = 21
	var took []float64
	for range times {
		began := time.Now()
		if err := exec.CommandContext(ctx, b.binary, "version").Run(); err != nil {
			return nil, fmt.Errorf("pocctl version: %w", err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(took)
	return []figure{atMost("pocctl version, median of 21", took[times/2], 60, "ms")}, nil
}
