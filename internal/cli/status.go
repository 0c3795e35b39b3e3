package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/terminal"
)

func (a *app) status() *cobra.Command {
	var check bool
	command := &cobra.Command{
		Use:     "status",
		Short:   "Show what runs, whether it is well, and where",
		GroupID: groupLook,
		Example: `  pocctl status
  pocctl status -o json
  pocctl status --check              # exit 1 unless all is well`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			s, options, err := a.stack()
			if err != nil {
				return err
			}
			status, err := s.Status(command.Context())
			if err != nil {
				return err
			}
			if err := a.answer(status, func() error { return a.showStatus(status) }); err != nil {
				return err
			}
			if check && status.State != stack.Up {
				return fault.New(fault.NotUp, "env", options.Environment.Name)
			}
			return nil
		},
	}
	command.Flags().BoolVar(&check, "check", false, "exit 1 unless the environment is up and well")
	return command
}

func (a *app) showStatus(status stack.Status) error {
	look := a.page()
	styles := look.Styles
	var out strings.Builder
	state := map[string]string{stack.Up: styles.Good("up"), stack.Degraded: styles.Warn("degraded"), stack.Down: styles.Dim("down")}[status.State]
	fmt.Fprintf(&out, "%s %s\n", styles.Bold(status.Env), state)
	if status.State == stack.Down && len(status.Platform.Components) == 0 {
		fmt.Fprintf(&out, "\n  %s brings it up\n", styles.Accent("pocctl up"))
	}
	mark := func(ready bool) string {
		if ready {
			return styles.Glyph(flow.Passed)
		}
		return styles.Glyph(flow.Failed)
	}
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{{}, {}, {Give: true}}}
	for _, component := range status.Platform.Components {
		table.Rows = append(table.Rows, []string{mark(component.Ready), component.Name, styles.Dim(component.Detail)})
	}
	section(&out, table, look.Width, styles, "cluster")
	for _, release := range status.Releases {
		table.Rows = nil
		for _, resource := range release.Resources {
			detail := resource.Summary
			if resource.Trouble != "" {
				detail += ": " + resource.Trouble
			}
			table.Rows = append(table.Rows, []string{mark(resource.Ready), resource.Resource, detail})
		}
		title := fmt.Sprintf("release %s", release.Release)
		if release.Revision.Revision > 0 {
			title += fmt.Sprintf("  %s, revision %d, %s", release.Chart, release.Revision.Revision, release.Status)
		} else {
			title += "  " + release.Status
			table.Rows = append(table.Rows, []string{mark(false), release.Release, release.Status})
		}
		section(&out, table, look.Width, styles, title)
	}
	table.Rows = nil
	for _, name := range sorted(status.Endpoints) {
		table.Rows = append(table.Rows, []string{"", name, styles.Accent(status.Endpoints[name])})
	}
	section(&out, table, look.Width, styles, "endpoints")
	table.Rows = nil
	for _, name := range sorted(status.Absent) {
		table.Rows = append(table.Rows, []string{"", name, status.Absent[name]})
	}
	section(&out, table, look.Width, styles, "not here")
	_, err := fmt.Fprint(a.Stdout, out.String())
	return err
}

func section(out *strings.Builder, table terminal.Table, width int, styles terminal.Styles, title string) {
	if len(table.Rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n%s", styles.Dim(title), table.Render(width, styles))
}

func sorted(values map[string]string) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
