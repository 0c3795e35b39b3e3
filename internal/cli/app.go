package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/terminal"
)

// app is what the commands of one process share.
type app struct {
	Options
	global   globalFlags
	answered bool // stdout has its one JSON document
}

// json says whether the result is wanted as JSON.
func (a *app) json() bool { return a.global.output == outputJSON }

// answer prints the result: value as the one JSON document of stdout, or else
// what text writes.
func (a *app) answer(value any, text func() error) error {
	if !a.json() {
		return text()
	}
	return a.document(value)
}

// document writes value as the one JSON document of stdout.
func (a *app) document(value any) error {
	a.answered = true
	encoder := json.NewEncoder(a.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// look is how to write for people on out: its styles, and its width in columns.
func (a *app) look(out io.Writer) (terminal.Styles, int) {
	file, isFile := out.(*os.File)
	if !isFile {
		return terminal.NewStyles(false), terminal.MaxWidth
	}
	return terminal.StylesFor(file, a.global.noColor, os.Getenv), terminal.WidthOf(file)
}

// environment reads the environment that --env names.
func (a *app) environment() (config.Environment, error) {
	source, err := config.OpenSource(a.global.source)
	if err != nil {
		return config.Environment{}, err
	}
	return config.ReadEnvironment(source, a.global.env)
}

// stateDirectory is where the environment called name keeps its state, whether
// it exists or not.
func (a *app) stateDirectory(name string) (string, error) {
	base := a.global.stateDir
	if base == "" {
		base = os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fault.New(fault.Usage, "detail", "there is no home directory to keep state in; give --state-dir", "command", "pocctl").Because(err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		base = filepath.Join(base, "pocctl")
	}
	folder, err := filepath.Abs(filepath.Join(base, name))
	if err != nil {
		return "", fmt.Errorf("find the state directory: %w", err)
	}
	return folder, nil
}

// usage is the fault of a command that was typed wrong.
func usage(command *cobra.Command, format string, args ...any) error {
	return fault.New(fault.Usage, "detail", fmt.Sprintf(format, args...), "command", command.CommandPath())
}
