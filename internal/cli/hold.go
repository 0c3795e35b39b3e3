package cli

import (
	"time"

	"github.com/spf13/cobra"

	service "github.com/pocctl/pocctl/internal/app"
)

// holdConnections is the fault of an exercise, in a pod of the service.
func (a *app) holdConnections() *cobra.Command {
	options := a.serviceDefaults()
	share, lasts := 0.9, time.Minute
	command := &cobra.Command{
		Use: "hold-connections", Short: "Use up the database's connections for a while, for exercises", Hidden: true,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			return serviceError(command, options, service.HoldConnections(command.Context(), *options, share, lasts))
		},
	}
	databaseFlags(command, options)
	command.Flags().Float64Var(&share, "share", share, "which share of the connections is to be in use")
	command.Flags().DurationVar(&lasts, "for", lasts, "how long")
	return command
}
