package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/fault"
)

func flagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("env", "local", "environment")
	flags.String("state-dir", "", "folder")
	flags.Bool("yes", false, "no questions")
	flags.Duration("budget", time.Hour, "a duration")
	flags.StringSlice("only", nil, "phases")
	return flags
}

func settingsFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSettingsPrecedence(t *testing.T) {
	file := settingsFile(t, "env: from-file\nstate-dir: /from-file\nyes: true\nonly: [a, b]\nbudget: 5m\n")
	t.Setenv("POCCTL_STATE_DIR", "/from-environment")
	t.Setenv("POCCTL_ENV", "from-environment")
	flags := flagSet()
	if err := flags.Parse([]string{"--env", "from-flag"}); err != nil {
		t.Fatal(err)
	}
	settings, err := ReadSettings(file, []string{"env", "state-dir", "yes", "budget", "only"})
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Apply(flags); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"env": "from-flag", "state-dir": "/from-environment", "yes": "true", "only": "[a,b]", "budget": "5m0s",
	} {
		if got := flags.Lookup(name).Value.String(); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestSettingsWithoutFile(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "none.yaml")} {
		settings, err := ReadSettings(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		flags := flagSet()
		if err := settings.Apply(flags); err != nil {
			t.Fatal(err)
		}
		if got := flags.Lookup("env").Value.String(); got != "local" {
			t.Errorf("env = %q, want the default", got)
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	known := []string{"env", "state-dir", "budget"}
	for _, test := range []struct{ name, content, message, fix string }{
		{"unknown key", "env: a\nstate_dir: b\n", "line 2: state_dir is not a known key", `did you mean "state-dir"?`},
		{"bad YAML", "env: [a\n", "near line 2", "mend the YAML"},
		{"not a mapping", "- env\n", "line 1: the file is a list", "indent"},
		{"nested", "env: {a: b}\n", "line 1: env is keys and values", "single value"},
		{"bad value", "budget: soon\n", `budget is "soon": time: invalid duration`, "what --budget takes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings, err := ReadSettings(settingsFile(t, test.content), known)
			if err == nil {
				err = settings.Apply(flagSet())
			}
			refused(t, err, fault.ConfigInvalid, test.message, test.fix)
		})
	}
}

func TestSettingsRefuseVariable(t *testing.T) {
	t.Setenv("POCCTL_YES", "perhaps")
	settings, err := ReadSettings("", nil)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, settings.Apply(flagSet()), fault.Usage, `POCCTL_YES="perhaps": `, "--help")
}
