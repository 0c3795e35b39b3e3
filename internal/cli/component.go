//go:build linux && !slim

package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/kubernetes"
	"github.com/pocctl/pocctl/internal/provision/local/node"
	"github.com/pocctl/pocctl/internal/provision/local/supervisor"
)

// inside gives the hidden commands with which the local environment runs itself.
func (a *app) inside() []*cobra.Command {
	return []*cobra.Command{a.supervise(), a.component(), a.image()}
}

func (a *app) supervise() *cobra.Command {
	return &cobra.Command{
		Use:    "supervise DIRECTORY",
		Short:  "Keep a local cluster's processes running",
		Hidden: true,
		Args:   oneArgument("DIRECTORY"),
		RunE: func(command *cobra.Command, args []string) error {
			return supervisor.Run(command.Context(), supervisor.Options{
				Directory: args[0],
				Log:       slog.New(slog.NewTextHandler(a.Stderr, nil)),
			})
		},
	}
}

func (a *app) component() *cobra.Command {
	return &cobra.Command{
		Use:                "component NAME [ARGUMENTS]",
		Short:              "Run one process of a local cluster",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(command, "which component?")
			}
			name, rest := args[0], args[1:]
			switch name {
			case controlplane.Etcd:
				return a.withCluster(command, rest, func(c cluster.Cluster) error {
					files, err := controlplane.Certificates(c)
					if err != nil {
						return err
					}
					return kubernetes.RunEtcd(command.Context(), controlplane.EtcdOptions(c, files))
				})
			case controlplane.Node:
				return a.withCluster(command, rest, func(c cluster.Cluster) error {
					return node.Run(command.Context(), node.Options{Cluster: c, Log: slog.New(slog.NewTextHandler(a.Stderr, nil))})
				})
			}
			code, err := kubernetes.Run(name, rest)
			if err == nil && code != 0 {
				err = fault.New(fault.Internal, "detail", fmt.Sprintf("%s ended with exit code %d", name, code))
			}
			return err
		},
	}
}

// withCluster reads the cluster whose state directory is the one argument.
func (a *app) withCluster(command *cobra.Command, args []string, run func(cluster.Cluster) error) error {
	if len(args) != 1 {
		return usage(command, "which state directory?")
	}
	c, err := cluster.Load(args[0])
	if err != nil {
		return err
	}
	return run(c)
}
