package cli

import (
	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/stack"
)

// provision and deploy run one phase of up each.

func (a *app) provision() *cobra.Command {
	return a.phase(stack.Provision, "Make the cluster, and nothing on it", "  pocctl provision\n  kubectl --kubeconfig \"$(pocctl kubeconfig --path)\" get nodes")
}

func (a *app) deploy() *cobra.Command {
	return a.phase(stack.Deploy, "Deploy the environment's releases on a cluster that is there", "  pocctl deploy\n  pocctl deploy --source .           # charts of this checkout")
}

func (a *app) phase(name, short, example string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, GroupID: groupRun, Example: example, Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.run(command.Context(), order{command: name, phase: name})
		},
	}
}
