package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/terminal"
)

// order says what part of an environment's steps to run.
type order struct {
	// command is its name in the journal and the report.
	command string
	// phase is the only one that the command knows of; empty means all.
	phase string
	// selection is what was typed to limit the phases.
	selection flow.Selection
	// undo walks the steps backwards.
	undo bool
	// page is the file, absolute, that the report is drawn into; empty draws none.
	page string
	// junit is the file, absolute, that gets the report for CI systems; empty writes none.
	junit string
	// change adjusts the options, may be nil.
	change func(*stack.Options) error
	// before runs before anything is locked or touched, and can refuse; may be nil.
	before func(*stack.Stack, stack.Options) error
	// after runs under the lock when the steps have passed, may be nil.
	after func(*stack.Stack) error
	// text writes what the command answers to people; nil means the report.
	text func(*stack.Stack, *report.Document) error
}

// run runs an order under the environment's lock, shows it, and answers with its
// report.
func (a *app) run(ctx context.Context, o order) error {
	options, err := a.stackOptions()
	if err != nil {
		return err
	}
	if o.change != nil {
		if err := o.change(&options); err != nil {
			return err
		}
	}
	s, err := stack.New(options)
	if err != nil {
		return err
	}
	steps, err := o.steps(s, options) //nolint:contextcheck // what describes steps asks nobody
	if err != nil {
		return err
	}
	made := missing(options.StateDirectory)
	if o.before != nil {
		if err := o.before(s, options); err != nil {
			return err
		}
	}
	lock, err := flow.Acquire(options.StateDirectory, options.Environment.Name, flow.NewHolder(o.command))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // the kernel frees it in any case
	document, err := a.execute(ctx, s, steps, options, o)
	if o.undo && err == nil {
		err = lock.Remove()
		if !options.KeepData {
			err = errors.Join(err, removeEmpty(options.StateDirectory))
		}
	}
	if err != nil && len(made) > 0 && untouched(document) {
		err = errors.Join(err, lock.Remove(), removeMade(made))
	}
	return errors.Join(err, a.show(s, document, o))
}

// steps gives the order's part of the environment's steps, checked.
func (o order) steps(s *stack.Stack, options stack.Options) ([]flow.Step, error) {
	steps := s.Steps()
	if o.phase != "" {
		if steps = s.Phase(o.phase); len(steps) == 0 {
			return nil, fault.New(fault.Usage, "command", "pocctl "+o.command,
				"detail", fmt.Sprintf("environment %s has nothing for the phase %s", options.Environment.Name, o.phase))
		}
	}
	_, err := flow.Plan(steps, o.selection)
	return steps, err
}

// execute runs the steps and keeps their journal and report.
func (a *app) execute(ctx context.Context, s *stack.Stack, steps []flow.Step, options stack.Options, o order) (*report.Document, error) {
	screen := a.screen()
	defer screen.Close()
	directory := options.StateDirectory
	if before, err := flow.Unfinished(directory); err == nil && before != nil && before.Command == o.command && len(before.During) > 0 {
		screen.Printf("taking up run %s, which stopped during %s", before.Run, strings.Join(before.During, ", "))
	}
	typical, err := flow.Typical(directory, o.command)
	if err != nil {
		typical = nil // a forecast is no reason to stop
	}
	journal := flow.NewJournal(directory)
	settings := flow.Options{
		Env: options.Environment.Name, Command: o.command, Selection: o.selection,
		Budget: options.Environment.Budget, Typical: typical, Grace: s.Grace(),
		Journal: journal, Observers: []flow.Observer{screen},
	}
	var result flow.Result
	if o.undo {
		result, err = flow.Undo(ctx, steps, settings)
	} else {
		result, err = flow.Run(ctx, steps, settings)
	}
	if err == nil && o.after != nil {
		err = o.after(s)
	}
	screen.Close()

	document := report.New(result, err)
	document.SLO, document.Canary = s.Verdicts(), s.Canary()
	document.Dashboards, document.Alerts = s.Panels(), s.Drills()
	document.Reconciliation = s.Reconciled()
	if document.Load = s.Load(); document.Load != nil {
		document.By = &report.By{Version: a.Build.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0)}
	}
	if !o.undo {
		document.Endpoints = s.Endpoints()
		if saveErr := document.Save(directory); saveErr != nil {
			screen.Printf("the report was not kept: %v", saveErr)
		}
		if journalErr := journal.Err(); journalErr != nil {
			screen.Printf("the journal was not kept: %v", journalErr)
		}
		if o.page != "" && document.Run != "" {
			if drawErr := drawReport(s, document, o.page); drawErr != nil {
				err = errors.Join(err, drawErr)
			} else {
				screen.Printf("the page is %s", o.page)
			}
		}
		if o.junit != "" {
			err = errors.Join(err, writeWhole(o.junit, document.JUnit))
		}
	}
	return document, err
}

// drawReport writes the page of a document, and the dashboards that were asked for.
func drawReport(s *stack.Stack, document *report.Document, file string) error {
	boards, err := s.Boards()
	if err != nil {
		return err
	}
	return writeWhole(file, func(w io.Writer) error { return document.HTML(w, boards) })
}

// writeWhole writes a file, to be shown to others, whole or not at all.
func writeWhole(file string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil { //nolint:gosec // to be shown to others
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// show answers with the document.
func (a *app) show(s *stack.Stack, document *report.Document, o order) error {
	if a.json() {
		return a.document(document)
	}
	if o.text != nil && document.Error == nil {
		return o.text(s, document)
	}
	return document.Text(a.Stdout, a.page())
}

// screen shows progress on stderr; where JSON is wanted, a line an event.
func (a *app) screen() *terminal.Terminal {
	options := terminal.Options{NoColor: a.global.noColor, Plain: a.json()}
	if file, isFile := a.Stderr.(*os.File); isFile {
		options.Out = file
	}
	if file, isFile := a.Stdin.(*os.File); isFile {
		options.In = file
	}
	return terminal.New(options)
}

// page is how results look on stdout.
func (a *app) page() report.Look {
	styles, width := a.look(a.Stdout)
	return report.Look{Width: width, Styles: styles, EnvFlag: a.global.env}
}

// removeEmpty removes the state directory if nothing is left in it.
func removeEmpty(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) > 0 {
		return nil //nolint:nilerr // gone already, or holds what is not pocctl's
	}
	if err := os.Remove(directory); err != nil {
		return fmt.Errorf("remove state directory: %w", err)
	}
	return nil
}
