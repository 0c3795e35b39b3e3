package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/stack"
)

func (a *app) verify() *cobra.Command {
	var measured loadFlags
	var objectives bool
	command := &cobra.Command{
		Use:   "verify",
		Short: "Send load and judge every objective",
		Long: `Sends requests through the ingress on a fixed schedule, with latency counted from
the moment a request was due, and judges the objectives of slo.yaml.

It exits 3 if an objective was violated, 4 if there was too little data to say,
and 6 if the load could not be held, which makes the measurement void.`,
		GroupID: groupRun,
		Example: `  pocctl verify --slo
  pocctl verify --slo --rate 300 --duration 60s
  pocctl verify --slo --spike 600 -o json`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if !objectives {
				return usage(command, "there is nothing to verify but the objectives: give --slo")
			}
			return a.run(command.Context(), order{
				command: "verify", phase: stack.Verify, text: a.showLoad,
				change: func(options *stack.Options) error {
					if options.Environment.Load.Path == "" {
						return fault.New(fault.ConfigInvalid, "path", options.Environment.Name,
							"detail", "load.path is missing, so there is nothing to send load to",
							"fix", "write the API's base path, for example  load: {path: /api/v1}")
					}
					return measured.apply(command, options)
				},
			})
		},
	}
	command.Flags().BoolVar(&objectives, "slo", true, "judge the service level objectives")
	measured.add(command.Flags())
	return command
}

// showLoad writes the report and what was measured in detail.
func (a *app) showLoad(s *stack.Stack, document *report.Document) error {
	look := a.page()
	if err := document.Text(a.Stdout, look); err != nil {
		return err
	}
	measured := s.Load()
	if measured == nil {
		return nil
	}
	for _, line := range append([]string{""}, measured.Text(look.Width)...) {
		if _, err := fmt.Fprintln(a.Stdout, line); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}
