package cli

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	defaults "github.com/pocctl/pocctl/config"
	service "github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/local/dns"
)

// serviceDefaults are the service's options as this process can fill them in
// before the flags do.
func (a *app) serviceDefaults() *service.Options {
	options := service.Defaults()
	options.LogOutput = a.Stderr
	options.Build = service.Build{Version: a.Build.Version, Commit: a.Build.Commit, Date: a.Build.Date}
	options.FlagsDefault, _ = defaults.Files.ReadFile("feature-flags.yaml") // it is built in
	if server := os.Getenv("POCCTL_DNS"); server != "" {                    // inside a local cluster
		options.Resolver = dns.Resolver(server, os.Getenv("POCCTL_NAMESPACE"))
	}
	return &options
}

// databaseFlags are common to the commands of the service.
func databaseFlags(command *cobra.Command, options *service.Options) {
	flags := command.Flags()
	flags.StringVar(&options.DatabaseURL, "database-url", options.DatabaseURL, "Postgres: a `url` postgres://user:password@host/name")
	flags.DurationVar(&options.ConnectTimeout, "connect-timeout", options.ConnectTimeout, "of each attempt to connect to Postgres")
}

// waitFlag is common to those that may start before the database.
func waitFlag(command *cobra.Command, options *service.Options) {
	command.Flags().DurationVar(&options.DatabaseWait, "database-wait", options.DatabaseWait, "how long to wait for Postgres to come up")
}

// serviceError words an option that the service refuses as the flag it came from.
func serviceError(command *cobra.Command, options *service.Options, err error) error {
	var refused *service.OptionError
	switch {
	case errors.As(err, &refused):
		return usage(command, "--%s: %v", flagOf(refused.Option), refused.Err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.PortBusy, "port", options.Address).Because(err)
	}
	return err
}

var wordStart = regexp.MustCompile(`([a-z])([A-Z])`)

// flagOf is the flag of an option: database-url for DatabaseURL.
func flagOf(option string) string {
	name := strings.NewReplacer("TTL", "Ttl", "GRPC", "Grpc", "OIDC", "Oidc", "OTLP", "Otlp", "SQS", "Sqs", "URL", "Url", "JWKS", "Jwks").Replace(option)
	name = strings.TrimPrefix(name, "Seed") // SeedCount is --count of seed
	return strings.ToLower(wordStart.ReplaceAllString(name, "$1-$2"))
}
