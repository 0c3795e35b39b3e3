package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	service "github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/fault"
)

func (a *app) seed() *cobra.Command {
	options := a.serviceDefaults()
	command := &cobra.Command{
		Use:   "seed",
		Short: "Fill the database with sample products",
		Long: `Makes sure of the sample products, always the same ones; those that are there stay
as they are. Without --database-url it fills the environment's own database, from
within a pod of the service.`,
		GroupID: groupService,
		Example: `  pocctl seed --count 1000           # the environment's database
  pocctl seed --database-url postgres://127.0.0.1/backend`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			options.LogLevel = a.global.logLevel
			if options.DatabaseURL == "" {
				return a.seedInside(command.Context(), options.SeedCount)
			}
			return serviceError(command, options, service.Seed(command.Context(), *options))
		},
	}
	databaseFlags(command, options)
	waitFlag(command, options)
	command.Flags().IntVar(&options.SeedCount, "count", options.SeedCount, "how many products")
	return command
}

// seedInside seeds the environment's database from a pod of its service.
func (a *app) seedInside(ctx context.Context, count int) error {
	s, options, err := a.stack()
	if err != nil {
		return err
	}
	release := options.Environment.Smoke.Release
	if release == "" {
		return fault.New(fault.Usage, "detail", "this environment has no service to seed: give --database-url", "command", "pocctl seed")
	}
	return s.Exec(ctx, release, []string{"/pocctl", "seed", "--count", strconv.Itoa(count)}, a.Stdout, a.Stderr)
}
