//go:build linux

// Package program holds the built container-shim. `make build` puts it here.
package program

import (
	"fmt"
	"os"
	"path/filepath"
)

// Install writes the program into the directory and gives its path. One that is
// there is replaced as a whole: a process of it may still run.
func Install(directory string) (string, error) {
	path := filepath.Join(directory, "container-shim")
	fresh := path + ".new"
	if err := os.WriteFile(fresh, content, 0o700); err != nil { //nolint:gosec // a program
		return "", fmt.Errorf("install the container shim: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", fmt.Errorf("install the container shim: %w", err)
	}
	return path, nil
}
