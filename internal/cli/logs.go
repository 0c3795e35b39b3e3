package cli

import (
	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/stack"
)

func (a *app) logs() *cobra.Command {
	options := stack.LogOptions{Tail: 50}
	command := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Show the logs of a release, a pod, or a part of the cluster",
		Long: `Shows logs, each line led by its pod. NAME is a release, a pod or the beginning of
its name, or a part of the local cluster such as kube-apiserver or node. Without
NAME it shows all pods of the environment's namespace.`,
		GroupID: groupLook,
		Example: `  pocctl logs backend --follow
  pocctl logs backend --previous --tail 200
  pocctl logs kube-apiserver`,
		Args: atMostOneArgument("NAME"),
		RunE: func(command *cobra.Command, args []string) error {
			if a.json() {
				return usage(command, "logs are lines of text: leave out -o json")
			}
			s, _, err := a.stack()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				options.Name = args[0]
			}
			options.Out, options.Paint = a.Stdout, a.page().Styles.Dim
			err = s.Logs(command.Context(), options)
			if options.Follow && command.Context().Err() != nil {
				err = nil // whoever follows ends it by hand
			}
			return err
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&options.Follow, "follow", "f", false, "go on with new lines as they come")
	flags.BoolVarP(&options.Previous, "previous", "p", false, "of the containers' run before the present one")
	flags.Int64Var(&options.Tail, "tail", options.Tail, "so many of the newest lines of each container; -1 for all")
	flags.DurationVar(&options.Since, "since", 0, "no older than this `duration`, for example 5m")
	flags.StringVarP(&options.Container, "container", "c", "", "this `container` alone")
	return command
}
