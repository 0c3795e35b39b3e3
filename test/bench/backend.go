//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// backend measures the service, in a program of its own.
func (b bench) backend(ctx context.Context) ([]figure, error) {
	command := exec.CommandContext(ctx, b.service, "-binary", b.binary)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("measure the service: %w", err)
	}
	var figures []figure
	if err := json.Unmarshal(out, &figures); err != nil {
		return nil, fmt.Errorf("read the service's figures: %w", err)
	}
	return figures, nil
}
