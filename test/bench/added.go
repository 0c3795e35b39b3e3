//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

// added measures what Prometheus and Argo Rollouts add to the environment: the same
// without them comes up beside it.
func (b bench) added(ctx context.Context) ([]figure, error) {
	with, err := newStack(ctx, b.binary, "")
	if err != nil {
		return nil, err
	}
	defer with.close()
	full, err := with.pocctl(0, "up", "--skip", "canary,verify")
	if err != nil {
		return nil, err
	}
	held, err := b.settled(ctx, with)
	if err != nil {
		return nil, err
	}
	with.close()
	file, err := b.without("prometheus", "argo-rollouts", "alertmanager", "blackbox")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(file)) }()
	less, err := newStack(ctx, b.binary, file)
	if err != nil {
		return nil, err
	}
	defer less.close()
	bare, err := less.pocctl(0, "up", "--skip", "canary,verify")
	if err != nil {
		return nil, err
	}
	return []figure{
		atMost(fmt.Sprintf("Prometheus, Rollouts and their like add to up (%.1f s without)", bare.ready("smoke/")), full.ready("smoke/")-bare.ready("smoke/"), 3, "s"),
		atMost("memory of Prometheus and Argo Rollouts, PSS", held["prometheus"]+held["rollouts-controller"], 250, "MB"),
	}, nil
}

// without writes the environment's file without some releases, and what hangs on them.
func (b bench) without(releases ...string) (string, error) {
	text, err := os.ReadFile(b.local)
	if err != nil {
		return "", err
	}
	var environment map[string]any
	if err := yaml.Unmarshal(text, &environment); err != nil {
		return "", fmt.Errorf("read %s: %w", b.local, err)
	}
	var kept []any
	all, _ := environment["releases"].([]any)
	for _, one := range all {
		release, _ := one.(map[string]any)
		name, _ := release["name"].(string)
		if slices.Contains(releases, name) {
			continue
		}
		if needs, has := release["dependsOn"].([]any); has {
			release["dependsOn"] = slices.DeleteFunc(needs, func(need any) bool { return slices.Contains(releases, fmt.Sprint(need)) })
		}
		if values, has := release["values"].(map[string]any); has && name == "backend" {
			delete(values, "canary")
			delete(values, "metrics")
		}
		kept = append(kept, release)
	}
	environment["releases"] = kept
	for _, key := range []string{"endpoints", "canary", "alerts"} {
		delete(environment, key)
	}
	made, err := yaml.Marshal(environment)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "pocctl-bench-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "local.yaml")
	return file, os.WriteFile(file, made, 0o600)
}
