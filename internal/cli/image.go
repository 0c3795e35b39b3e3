//go:build linux && !slim

package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/provision/local/alertmanager"
	"github.com/pocctl/pocctl/internal/provision/local/postgres"
	"github.com/pocctl/pocctl/internal/provision/local/prometheus"
	"github.com/pocctl/pocctl/internal/provision/local/redis"
	"github.com/pocctl/pocctl/internal/provision/local/rollouts"
)

// image runs the program that stands for a container image of the local
// environment, with the container's arguments.
func (a *app) image() *cobra.Command {
	command := &cobra.Command{Use: "image", Short: "Be one of the local environment's built-in images", Hidden: true}
	command.AddCommand(
		&cobra.Command{
			Use: "postgres [ARGUMENTS]", Short: "Postgres, as the official image runs it", DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				return postgres.Main(command.Context(), postgres.Options{
					Args: args, Log: a.Stderr, Address: os.Getenv("POCCTL_POD_IP"),
					Find: postgres.FindOptions{Directory: os.Getenv("POCCTL_POSTGRES_DIRECTORY")},
				})
			},
		},
		&cobra.Command{
			Use: "alertmanager [ARGUMENTS]", Short: "Alertmanager, as the official image runs it", DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				return alertmanager.Main(command.Context(), alertmanager.Options{Args: args, Log: a.Stderr, Address: os.Getenv("POCCTL_POD_IP")})
			},
		},
		&cobra.Command{
			Use: "argo-rollouts [ARGUMENTS]", Short: "Argo Rollouts' controllers, as the official image runs them", DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				return rollouts.Main(command.Context(), rollouts.Options{Args: args, Log: a.Stderr, Address: os.Getenv("POCCTL_POD_IP")})
			},
		},
		&cobra.Command{
			Use: "prometheus [ARGUMENTS]", Short: "Prometheus, as the official image runs it", DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				return prometheus.Main(command.Context(), prometheus.Options{Args: args, Log: a.Stderr, Address: os.Getenv("POCCTL_POD_IP")})
			},
		},
		&cobra.Command{
			Use: "redis [ARGUMENTS]", Short: "Redis, as the official image runs it", DisableFlagParsing: true,
			RunE: func(command *cobra.Command, args []string) error {
				return redis.Main(command.Context(), redis.Options{Args: args, Log: a.Stderr, Address: os.Getenv("POCCTL_POD_IP")})
			},
		},
	)
	return command
}
