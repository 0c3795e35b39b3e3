package about

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEarly(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	tests := []struct {
		name        string
		args        []string
		environment []string
		want        bool
	}{
		{"plain", []string{"pocctl", "version"}, []string{"HOME=/root"}, true},
		{"JSON by flag", []string{"pocctl", "version", "-o", "json"}, nil, false},
		{"JSON by variable", []string{"pocctl", "version"}, []string{"POCCTL_OUTPUT=json"}, false},
		{"help", []string{"pocctl", "version", "--help"}, nil, false},
		{"another command", []string{"pocctl", "up"}, nil, false},
		{"no command", []string{"pocctl"}, nil, false},
	}
	for _, test := range tests {
		if got := early(test.args, test.environment); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestEarlyWithSettings(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", folder)
	if err := os.MkdirAll(filepath.Join(folder, "pocctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pocctl", "config.yaml"), []byte("output: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if early([]string{"pocctl", "version"}, nil) {
		t.Error("settings, which may want JSON, were passed over")
	}
}

func TestForms(t *testing.T) {
	build := Build{Version: "v1.0.0", Commit: "abc"}
	var text, document bytes.Buffer
	if err := build.Text(&text); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); !strings.Contains(got, "v1.0.0") || strings.Contains(got, "built") {
		t.Errorf("text:\n%s", got)
	}
	if err := build.JSON(&document); err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(document.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read["schema"] != "pocctl.version/v1" || read["commit"] != "abc" || read["platform"] == "" {
		t.Errorf("document: %v", read)
	}
}
