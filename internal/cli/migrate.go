package cli

import (
	"github.com/spf13/cobra"

	service "github.com/pocctl/pocctl/internal/app"
)

func (a *app) migrate() *cobra.Command {
	options := a.serviceDefaults()
	command := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the database's schema to head",
		GroupID: groupService,
		Example: "  pocctl migrate --database-url postgres://127.0.0.1/backend",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			options.LogLevel = a.global.logLevel
			return serviceError(command, options, service.Migrate(command.Context(), *options))
		},
	}
	databaseFlags(command, options)
	waitFlag(command, options)
	return command
}
