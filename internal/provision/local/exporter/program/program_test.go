//go:build linux

package program_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/exporter/program"
)

func TestInstall(t *testing.T) {
	directory := t.TempDir()
	old := filepath.Join(directory, "exporter-of-another-build")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := program.Install(directory)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if before.Mode().Perm() != 0o755 {
		t.Errorf("mode %o", before.Mode().Perm())
	}
	if said, err := exec.CommandContext(t.Context(), path).CombinedOutput(); err == nil || !strings.Contains(string(said), "which exporter?") {
		t.Errorf("without an argument it says %q, %v", said, err)
	}
	again, err := program.Install(directory)
	if err != nil || again != path {
		t.Fatalf("the second time it is %s, %v, want %s", again, err, path)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("what was there is written again: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(directory, "*"))
	if len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

func TestInstallNowhere(t *testing.T) {
	if _, err := program.Install(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("no error")
	}
}
