package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/terminal"
)

// Execute runs the command that args name and shows its error, if any: people
// read it on stderr; with -o json it is in the one document of stdout. The error
// is returned for its exit code.
func Execute(ctx context.Context, options Options, args []string) error {
	a := &app{Options: options}
	root := newRoot(a) //nolint:contextcheck // each command is given its context when it runs
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && fault.ExitCode(err) != fault.ExitInterrupted {
		err = fault.New(fault.Interrupted, "step", command.CommandPath()).Because(err)
	}
	if showErr := a.showError(fault.From(err), args); showErr != nil {
		return errors.Join(err, showErr)
	}
	return err
}

func (a *app) showError(problem *fault.Error, args []string) error {
	if a.answered {
		return nil // the document says it
	}
	if a.json() || typedJSON(args) {
		return a.document(errorDocument{Schema: "pocctl.error/v1", Error: problem})
	}
	styles, width := a.look(a.Stderr)
	if _, err := io.WriteString(a.Stderr, terminal.ErrorBlock(problem, width, styles)); err != nil {
		return fmt.Errorf("write the error: %w", err)
	}
	return nil
}

// errorDocument is the JSON of a command that ended before it had a result.
type errorDocument struct {
	Schema string       `json:"schema"`
	Error  *fault.Error `json:"error"`
}

// typedJSON says whether JSON was asked for on a command line that did not parse.
func typedJSON(args []string) bool {
	if slices.ContainsFunc(args, func(arg string) bool {
		return arg == "-ojson" || arg == "-o=json" || arg == "--output=json"
	}) {
		return true
	}
	for i, arg := range args[:max(0, len(args)-1)] {
		if (arg == "-o" || arg == "--output") && args[i+1] == outputJSON {
			return true
		}
	}
	return os.Getenv(config.Variable("output")) == outputJSON
}
