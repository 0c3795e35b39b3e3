package about

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

func TestEarly(t *testing.T) {
	tests := []struct {
		name        string
		args        []string
		environment []string
		settings    string // the settings file that is there
		want        bool
	}{
		{"plain", []string{"pocctl", "version"}, []string{"HOME=/home/a"}, "", true},
		{"no home", []string{"pocctl", "version"}, nil, "/.config/pocctl/config.yaml", true},
		{"JSON by flag", []string{"pocctl", "version", "-o", "json"}, nil, "", false},
		{"JSON by variable", []string{"pocctl", "version"}, []string{"POCCTL_OUTPUT=json"}, "", false},
		{"JSON by settings", []string{"pocctl", "version"}, []string{"HOME=/home/a"}, "/home/a/.config/pocctl/config.yaml", false},
		{"settings elsewhere", []string{"pocctl", "version"}, []string{"XDG_CONFIG_HOME=/x", "HOME=/home/a"}, "/x/pocctl/config.yaml", false},
		{"settings of another", []string{"pocctl", "version"}, []string{"XDG_CONFIG_HOME=/x", "HOME=/home/a"}, "/home/a/.config/pocctl/config.yaml", true},
		{"help", []string{"pocctl", "version", "--help"}, nil, "", false},
		{"another command", []string{"pocctl", "up"}, nil, "", false},
		{"no command", []string{"pocctl"}, nil, "", false},
	}
	for _, test := range tests {
		if got := early(test.args, test.environment, func(path string) bool { return path == test.settings }); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// Each import would let hundreds of packages be initialised before this one.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"io", "runtime", "syscall"}; !slices.Equal(pkg.Imports, want) {
		t.Errorf("imports %v, want %v alone", pkg.Imports, want)
	}
}

func TestCommandLine(t *testing.T) {
	if got := commandLine(); len(got) == 0 || !strings.Contains(got[0], "about") {
		t.Errorf("command line %q", got)
	}
	if exists("/nowhere/at/all") || !exists("/") {
		t.Error("exists is wrong")
	}
}

func TestText(t *testing.T) {
	var text strings.Builder
	if err := (Build{Version: "v1.0.0", Commit: "abc"}).Text(&text); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); !strings.HasPrefix(got, "pocctl      v1.0.0\ncommit      abc\ngo          go1.") || strings.Contains(got, "built") {
		t.Errorf("text:\n%s", got)
	}
}
