package cli

import (
	"github.com/spf13/cobra"

	service "github.com/pocctl/pocctl/internal/app"
)

func (a *app) seed() *cobra.Command {
	options := a.serviceDefaults()
	command := &cobra.Command{
		Use:     "seed",
		Short:   "Fill the database with sample products",
		Long:    "Makes sure of the sample products, always the same ones; those that are there stay as they are.",
		GroupID: groupService,
		Example: "  pocctl seed --database-url postgres://127.0.0.1/backend --count 1000",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			options.LogLevel = a.global.logLevel
			return serviceError(command, options, service.Seed(command.Context(), *options))
		},
	}
	databaseFlags(command, options)
	waitFlag(command, options)
	command.Flags().IntVar(&options.SeedCount, "count", options.SeedCount, "how many products")
	return command
}
