package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/pocctl/pocctl/internal/fault"
)

// Settings are the values of flags that were not typed: POCCTL_<FLAG>, then the
// settings file, whose keys are the flags' names.
type Settings struct {
	viper *viper.Viper
	file  string
}

// SettingsFile is where the settings of this user are: $POCCTL_CONFIG, or
// pocctl/config.yaml in the usual folder for configuration; "" for a user
// without one.
func SettingsFile() string {
	if file := os.Getenv("POCCTL_CONFIG"); file != "" {
		return file
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "pocctl", "config.yaml")
}

// ReadSettings reads file, which need not exist; known are the keys it may
// hold. Broken YAML or another key is a fault.ConfigInvalid.
func ReadSettings(file string, known []string) (*Settings, error) {
	settings := &Settings{viper: viper.New(), file: file}
	settings.viper.SetEnvPrefix("POCCTL")
	settings.viper.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	settings.viper.AutomaticEnv()
	data, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return settings, nil
	}
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "path", file).Because(plain(err))
	}
	values := map[string]any{}
	d, err := parse(file, data, &values)
	if err != nil {
		return nil, err
	}
	for _, key := range sortedKeys(values) {
		if !slices.Contains(known, key) {
			return nil, d.unknown(d.line(key), "", key, known)
		}
		if _, nested := values[key].(map[string]any); nested {
			return nil, d.invalid(key, "write a single value", "is keys and values; it takes one value")
		}
	}
	if err := settings.viper.MergeConfigMap(values); err != nil {
		return nil, fmt.Errorf("take settings of %s: %w", file, err)
	}
	return settings, nil
}

// Apply sets every flag of the set that was not typed and that the settings
// know. A value that the flag refuses is a fault.Usage or a fault.ConfigInvalid,
// by where it stands.
func (s *Settings) Apply(flags *pflag.FlagSet) error {
	var problem error
	flags.VisitAll(func(flag *pflag.Flag) {
		if problem != nil || flag.Changed || flag.Hidden || flag.Name == "help" || flag.Name == "version" || !s.viper.IsSet(flag.Name) {
			return
		}
		value := text(s.viper.Get(flag.Name))
		if err := flags.Set(flag.Name, value); err != nil {
			problem = s.refused(flag, value, err)
		}
	})
	return problem
}

func (s *Settings) refused(flag *pflag.Flag, value string, cause error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(cause, &invalid) {
		cause = invalid.Unwrap()
	}
	variable := Variable(flag.Name)
	if _, fromEnvironment := os.LookupEnv(variable); fromEnvironment {
		return fault.New(fault.Usage, "detail", fmt.Sprintf("%s=%q: %v", variable, value, cause), "command", "pocctl")
	}
	return fault.New(fault.ConfigInvalid, "path", s.file,
		"detail", fmt.Sprintf("%s is %q: %v", flag.Name, value, cause),
		"fix", "write what --"+flag.Name+" takes: "+flag.Usage)
}

// Variable is the environment variable of a flag: POCCTL_STATE_DIR for state-dir.
func Variable(flag string) string {
	return "POCCTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// text writes a value the way it is typed on the command line.
func text(value any) string {
	list, isList := value.([]any)
	if !isList {
		return fmt.Sprint(value)
	}
	parts := make([]string, 0, len(list))
	for _, item := range list {
		parts = append(parts, fmt.Sprint(item))
	}
	return strings.Join(parts, ",")
}
