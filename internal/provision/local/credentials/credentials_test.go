package credentials

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGetKeepsTheFirstValue(t *testing.T) {
	directory := t.TempDir()
	first, err := Open(directory).Get("postgres-auth", "password", "one")
	if err != nil || first != "one" {
		t.Fatalf("first: %q, %v", first, err)
	}
	// Another process, a later run: what guards the data stays.
	again, err := Open(directory).Get("postgres-auth", "password", "two")
	if err != nil || again != "one" {
		t.Errorf("again: %q, %v", again, err)
	}
	other, err := Open(directory).Get("redis-auth", "password", "three")
	if err != nil || other != "three" {
		t.Errorf("another: %q, %v", other, err)
	}
	info, err := os.Stat(filepath.Join(directory, file))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; only its owner may read it", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(directory); len(entries) != 1 {
		t.Errorf("temporary files are left: %v", entries)
	}
}

func TestGetRefusesABrokenFile(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, file), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if value, err := Open(directory).Get("a", "b", "fresh"); err == nil {
		t.Errorf("a broken file gave %q: the data's password would be lost", value)
	}
}
