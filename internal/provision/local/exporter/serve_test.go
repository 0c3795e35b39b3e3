//go:build linux

package exporter_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/exporter"
)

func TestVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("of a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env    map[string]string
		want   string
		refuse bool
	}{
		"nothing":            {nil, "", false},
		"a variable":         {map[string]string{"PASS": "its own"}, "its own", false},
		"a file wins":        {map[string]string{"PASS": "its own", "PASS_FILE": file}, "of a file", false},
		"a file that is not": {map[string]string{"PASS_FILE": file + "x"}, "", true},
	} {
		options := exporter.Options{Env: func(name string) (string, bool) { value, given := test.env[name]; return value, given }}
		got, err := options.Variable("PASS")
		if got != test.want || (err != nil) != test.refuse {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
