package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/stack"
)

func (a *app) down() *cobra.Command {
	var keepData, force bool
	command := &cobra.Command{
		Use:   "down",
		Short: "Take the environment away",
		Long: `Ends every process of the environment and removes its state. The data of its
databases goes too, unless --keep-data is given: then the next up finds it again.

An environment in AWS is shown before with what it costs, and goes when its name is
typed: first what Kubernetes made, then what Terraform made, and then everything that
carries the environment's tag is looked for.

It exits 7 if something was left behind.`,
		GroupID: groupRun,
		Example: `  pocctl down
  pocctl down --keep-data
  pocctl down --env staging          # asks for the environment's name`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.run(command.Context(), order{
				command: "down", undo: true,
				before: func(s *stack.Stack, options stack.Options) error {
					if options.Environment.Kind != config.KindAWS {
						return nil
					}
					if keepData {
						return usage(command, "--keep-data is for environments on this machine")
					}
					return a.farewell(command.Context(), s, options, force)
				},
				change: func(options *stack.Options) error {
					if options.Environment.Kind == config.KindAWS {
						return nil
					}
					options.KeepData = keepData
					what := "with the data of its databases"
					if keepData {
						what = "but not the data of its databases"
					}
					_, err := fmt.Fprintf(a.Stderr, "Removing environment %s in %s, %s.\n", options.Environment.Name, options.StateDirectory, what)
					return err
				},
				after: func(s *stack.Stack) error { return s.Remove() },
				text: func(_ *stack.Stack, document *report.Document) error {
					_, err := fmt.Fprintf(a.Stdout, "Environment %s is gone after %.1f s.\n", document.Env, document.Seconds)
					return err
				},
			})
		},
	}
	command.Flags().BoolVar(&keepData, "keep-data", false, "keep volumes and passwords for the next up")
	command.Flags().BoolVar(&force, "force", false, "take a protected environment down too")
	return command
}
