//go:build linux

package program_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim/program"
)

func TestInstall(t *testing.T) {
	directory := t.TempDir()
	for range 2 { // the second replaces the first
		path, err := program.Install(directory)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("mode %o", info.Mode().Perm())
		}
		// Without the descriptors that the runtime gives it, it refuses to start.
		err = exec.CommandContext(t.Context(), path).Run()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 { //nolint:errorlint // as Run documents
			t.Errorf("started alone: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(directory, "*.new")); left != nil {
		t.Errorf("left over: %v", left)
	}
}

func TestInstallNowhere(t *testing.T) {
	if _, err := program.Install(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("no error")
	}
}
