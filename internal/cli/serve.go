package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	service "github.com/pocctl/pocctl/internal/app"
)

func (a *app) serve() *cobra.Command {
	options := a.serviceDefaults()
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API and work on orders until told to stop",
		Long: `Serves REST and gRPC, and works on jobs. It listens at once and is ready when the
database answers and its schema is at head.

Told to stop, it turns not ready, waits for load balancers to hear of it, lets
requests and jobs finish, and sends off the last traces.`,
		GroupID: groupService,
		Example: `  pocctl serve --database-url postgres://127.0.0.1/backend --redis-url redis://127.0.0.1
  pocctl serve --role worker --database-url postgres://127.0.0.1/backend
  pocctl serve --database-url postgres://127.0.0.1/backend --oidc-issuer https://id.example.com`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			options.LogLevel = a.global.logLevel
			if options.Objectives, err = builtInObjectives(); err != nil {
				return err
			}
			return serviceError(command, options, service.Serve(command.Context(), *options))
		},
	}
	databaseFlags(command, options)
	flags := command.Flags()
	listenFlags(flags, options)
	storeFlags(flags, options)
	queueFlags(flags, options)
	tokenFlags(flags, options)
	limitFlags(flags, options)
	behaviourFlags(flags, options)
	telemetryFlags(flags, options)
	return command
}

func listenFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringVar((*string)(&o.Role), "role", string(o.Role), "`part` of the service: all, api or worker")
	flags.StringVar(&o.Address, "address", o.Address, "listen for HTTP on `host:port`")
	flags.StringVar(&o.GRPCAddress, "grpc-address", o.GRPCAddress, "listen for gRPC on `host:port`; empty serves none")
	flags.StringVar(&o.PrivateAddress, "private-address", o.PrivateAddress, "profiles and the switch of readiness on `host:port`; empty leaves them out")
	flags.BoolVar(&o.GRPCReflection, "grpc-reflection", o.GRPCReflection, "let gRPC clients ask which methods there are")
	flags.DurationVar(&o.RequestTimeout, "request-timeout", o.RequestTimeout, "bound on the work for one request")
	flags.DurationVar(&o.ReadinessDelay, "readiness-delay", o.ReadinessDelay, "go on, not ready, for so long before stopping")
	flags.DurationVar(&o.ShutdownTimeout, "shutdown-timeout", o.ShutdownTimeout, "bound on finishing requests and jobs when stopping")
}

func storeFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.IntVar(&o.DatabaseConnections, "database-connections", o.DatabaseConnections, "most connections to Postgres")
	flags.DurationVar(&o.StatementTimeout, "statement-timeout", o.StatementTimeout, "bound on one database statement")
	flags.StringVar(&o.RedisURL, "redis-url", o.RedisURL, "Redis: a `url` redis://host; none serves without a cache")
	flags.DurationVar(&o.RedisTimeout, "redis-timeout", o.RedisTimeout, "bound on one call to Redis")
	flags.IntVar(&o.RedisConnections, "redis-connections", o.RedisConnections, "most connections to Redis")
	flags.DurationVar(&o.CacheTTL, "cache-ttl", o.CacheTTL, "how long a product stays in Redis")
	flags.DurationVar(&o.CacheLocalTTL, "cache-local-ttl", o.CacheLocalTTL, "how long it stays in this process; 0 keeps none there")
	flags.Int64Var(&o.CacheLocalSize, "cache-local-size", o.CacheLocalSize, "most `bytes` of products in this process")
	flags.DurationVar(&o.CacheNegativeTTL, "cache-negative-ttl", o.CacheNegativeTTL, "how long it is remembered that a product isn't there")
}

func queueFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringVar(&o.Queue, "queue", o.Queue, "where jobs go: `kind` river (in Postgres) or sqs")
	flags.IntVar(&o.QueueWorkers, "queue-workers", o.QueueWorkers, "how many jobs are worked on at once")
	flags.IntVar(&o.QueueMaxAttempts, "queue-max-attempts", o.QueueMaxAttempts, "how often a job is tried before it is a dead letter")
	flags.IntVar(&o.QueueMaxDepth, "queue-max-depth", o.QueueMaxDepth, "how many jobs may wait before orders are refused")
	flags.StringVar(&o.SQSQueueURL, "sqs-queue-url", o.SQSQueueURL, "the SQS queue of jobs: a `url`")
	flags.StringVar(&o.SQSDeadLetterURL, "sqs-dead-letter-url", o.SQSDeadLetterURL, "the SQS queue of dead letters: a `url`")
	flags.StringVar(&o.SQSRegion, "sqs-region", o.SQSRegion, "the AWS `region` of the queues; empty is the environment's")
	flags.StringVar(&o.SQSEndpoint, "sqs-endpoint", o.SQSEndpoint, "a `url` in place of AWS's own")
}

func tokenFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringVar(&o.OIDCIssuer, "oidc-issuer", o.OIDCIssuer, "take tokens of the OpenID Connect issuer at `url`; empty takes none")
	flags.StringSliceVar(&o.OIDCAudience, "oidc-audience", o.OIDCAudience, "what a token must be meant for: `names`, one of them")
	flags.StringVar(&o.OIDCAudienceClaim, "oidc-audience-claim", o.OIDCAudienceClaim, "the `claim` that has it; client_id for Cognito")
	flags.StringVar(&o.OIDCJWKSURL, "oidc-jwks-url", o.OIDCJWKSURL, "where the issuer's keys are: a `url`; empty asks the issuer")
	flags.StringVar(&o.OIDCRolesClaim, "oidc-roles-claim", o.OIDCRolesClaim, "the `claim` that has the roles; a path with dots")
	flags.StringToStringVar(&o.OIDCRoleNames, "oidc-role-names", o.OIDCRoleNames, "what stands for which role: `value=role`, several with commas")
	flags.StringVar(&o.OIDCDefaultRole, "oidc-default-role", o.OIDCDefaultRole, "the `role` of a token that gives none; empty refuses it")
	flags.DurationVar(&o.OIDCClockSkew, "oidc-clock-skew", o.OIDCClockSkew, "by how much the issuer's clock may differ")
}

func limitFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringSliceVar(&o.TrustedProxies, "trusted-proxies", o.TrustedProxies, "`networks` whose X-Forwarded-For is believed, as 10.0.0.0/8")
	flags.IntVar(&o.ReadRate, "read-rate", o.ReadRate, "reads a second that a client may make in the long run")
	flags.IntVar(&o.ReadBurst, "read-burst", o.ReadBurst, "reads that it may make at once")
	flags.IntVar(&o.WriteRate, "write-rate", o.WriteRate, "writes a second that a client may make in the long run")
	flags.IntVar(&o.WriteBurst, "write-burst", o.WriteBurst, "writes that it may make at once")
	flags.IntVar(&o.AddressRate, "address-rate", o.AddressRate, "requests a second of one address, before its token is looked at")
	flags.IntVar(&o.AddressBurst, "address-burst", o.AddressBurst, "requests of one address at once")
	flags.DurationVar(&o.ShedTarget, "shed-target", o.ShedTarget, "how long work may take before less is done at once")
	flags.IntVar(&o.MaxConcurrency, "max-concurrency", o.MaxConcurrency, "most requests worked on at once in each lane; the limit adapts below it")
}

func behaviourFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringVar(&o.FlagsFile, "flags-file", o.FlagsFile, "`file` of feature flags, watched; empty takes those built in")
	flags.Float64Var(&o.FaultErrorPercent, "fault-error-percent", o.FaultErrorPercent, "make this share of requests fail on purpose")
	flags.IntVar(&o.FaultErrorStatus, "fault-error-status", o.FaultErrorStatus, "the HTTP `status` of those")
	flags.DurationVar(&o.FaultLatency, "fault-latency", o.FaultLatency, "make requests wait on purpose")
	flags.DurationVar(&o.FaultLatencyJitter, "fault-latency-jitter", o.FaultLatencyJitter, "give or take this much")
	flags.Float64Var(&o.FaultLatencyPercent, "fault-latency-percent", 100, "the share of requests that wait")
	flags.IntVar(&o.FaultLeak, "fault-leak", o.FaultLeak, "make every request keep so many `bytes` of memory on purpose")
	flags.StringSliceVar(&o.FaultRoutes, "fault-routes", o.FaultRoutes, "only on these `routes`, as /api/v1/products*")
}

func telemetryFlags(flags *pflag.FlagSet, o *service.Options) {
	flags.StringVar(&o.OTLPEndpoint, "otlp-endpoint", o.OTLPEndpoint, "send traces to the OpenTelemetry collector at `url`; empty sends none")
	flags.StringVar(&o.OTLPProtocol, "otlp-protocol", o.OTLPProtocol, "how: http or grpc")
	flags.Float64Var(&o.TraceRatio, "trace-ratio", o.TraceRatio, "share of traces kept where the caller doesn't say; errors are kept always")
	flags.StringVar(&o.DeploymentEnvironment, "deployment-environment", o.DeploymentEnvironment, "`name` of where this runs, in traces")
}
