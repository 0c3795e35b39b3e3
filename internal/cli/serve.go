package cli

import (
	"github.com/spf13/cobra"

	service "github.com/pocctl/pocctl/internal/app"
)

func (a *app) serve() *cobra.Command {
	options := a.serviceDefaults()
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API until told to stop",
		Long: `Serves the API. It listens at once and is ready when the database answers and its
schema is at head.`,
		GroupID: groupService,
		Example: "  pocctl serve --database-url postgres://127.0.0.1/backend --redis-url redis://127.0.0.1",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			options.LogLevel = a.global.logLevel
			return serviceError(command, options, service.Serve(command.Context(), *options))
		},
	}
	databaseFlags(command, options)
	flags := command.Flags()
	flags.StringVar(&options.Address, "address", options.Address, "listen on `host:port`")
	flags.StringVar(&options.RedisURL, "redis-url", options.RedisURL, "Redis: a `url` redis://host; none serves without a cache")
	flags.DurationVar(&options.RequestTimeout, "request-timeout", options.RequestTimeout, "bound on the work for one request")
	flags.DurationVar(&options.StatementTimeout, "statement-timeout", options.StatementTimeout, "bound on one database statement")
	flags.DurationVar(&options.ReadinessDelay, "readiness-delay", options.ReadinessDelay, "go on, not ready, for so long before stopping")
	flags.DurationVar(&options.ShutdownTimeout, "shutdown-timeout", options.ShutdownTimeout, "bound on finishing requests when stopping")
	flags.DurationVar(&options.CacheTTL, "cache-ttl", options.CacheTTL, "how long a product stays in the cache")
	flags.DurationVar(&options.RedisTimeout, "redis-timeout", options.RedisTimeout, "bound on one call to Redis")
	flags.IntVar(&options.RedisConnections, "redis-connections", options.RedisConnections, "most connections to Redis")
	flags.IntVar(&options.DatabaseConnections, "database-connections", options.DatabaseConnections, "most connections to Postgres")
	return command
}
