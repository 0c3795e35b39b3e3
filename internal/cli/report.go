package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/terminal"
)

func (a *app) report() *cobra.Command {
	var list bool
	var page, junit string
	command := &cobra.Command{
		Use:     "report [RUN]",
		Short:   "Show the report of the last run, or of another",
		GroupID: groupLook,
		Example: `  pocctl report
  pocctl report --list
  pocctl report --html report.html  # one page that needs no network
  pocctl report 01M8327T40S7RQV4R1GWP67JFC -o json`,
		Args: atMostOneArgument("RUN"),
		RunE: func(command *cobra.Command, args []string) error {
			options, err := a.stackOptions()
			if err != nil {
				return err
			}
			if page, err = fileToWrite(command, "html", page); err != nil {
				return err
			}
			if junit, err = fileToWrite(command, "junit", junit); err != nil {
				return err
			}
			if list {
				return a.listRuns(options.StateDirectory)
			}
			document, err := findReport(options.StateDirectory, args)
			if err != nil {
				return err
			}
			if document == nil {
				return fault.New(fault.NoReport, "env", options.Environment.Name)
			}
			if page != "" {
				if err := writeWhole(page, func(w io.Writer) error { return document.HTML(w, nil) }); err != nil {
					return err
				}
			}
			if junit != "" {
				if err := writeWhole(junit, document.JUnit); err != nil {
					return err
				}
			}
			return a.answer(document, func() error { return document.Text(a.Stdout, a.page()) })
		},
	}
	command.Flags().BoolVar(&list, "list", false, "list the runs instead")
	command.Flags().StringVar(&page, "html", "", "draw it into this `file`, too: one HTML page that needs no network")
	command.Flags().StringVar(&junit, "junit", "", junitUsage)
	for _, flag := range []string{"html", "junit"} {
		command.MarkFlagsMutuallyExclusive(flag, "list")
		complete(command, flag, cobra.ShellCompDirectiveDefault, func() []string { return nil })
	}
	return command
}

func findReport(directory string, args []string) (*report.Document, error) {
	if len(args) == 0 {
		return report.Latest(directory)
	}
	document, err := report.Read(directory, args[0])
	if err != nil {
		return nil, fault.New(fault.RunUnknown, "run", args[0]).Because(err)
	}
	return document, nil
}

func (a *app) listRuns(directory string) error {
	runs, err := flow.List(directory)
	if err != nil {
		return err
	}
	if runs == nil {
		runs = []flow.Past{}
	}
	return a.answer(struct {
		Schema string      `json:"schema"`
		Runs   []flow.Past `json:"runs"`
	}{"pocctl.runs/v1", runs}, func() error {
		look := a.page()
		table := terminal.Table{Columns: []terminal.Column{{}, {Title: "RUN"}, {Title: "COMMAND"}, {Title: "STARTED"}, {Title: "TIME", Right: true}}}
		for _, run := range runs {
			table.Rows = append(table.Rows, []string{
				look.Styles.Glyph(run.Status), run.Run, run.Command,
				run.Started.Local().Format("2006-01-02 15:04:05"), terminal.Seconds(run.Seconds),
			})
		}
		_, err := fmt.Fprint(a.Stdout, table.Render(look.Width, look.Styles))
		return err
	})
}
