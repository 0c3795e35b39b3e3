package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/provision/aws/access"
	"github.com/pocctl/pocctl/internal/provision/aws/account"
)

// eksToken is what kubeconfigs of clusters in AWS call, and people have no use for.
func (a *app) eksToken() *cobra.Command {
	var cluster, region string
	command := &cobra.Command{
		Use:    access.Command,
		Short:  "Give kubectl a token for a cluster of EKS",
		Hidden: true,
		Args:   noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if cluster == "" || region == "" {
				return usage(command, "--cluster and --region have to be given")
			}
			settings, err := account.Open(command.Context(), region)
			if err != nil {
				return err
			}
			token, err := access.Sign(command.Context(), settings, cluster, time.Now())
			if err != nil {
				return account.Explain("sign a token for the cluster "+cluster, err)
			}
			text, err := token.Credential()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout, "%s\n", text)
			return err
		},
	}
	command.Flags().StringVar(&cluster, "cluster", "", "the cluster's `name` in EKS")
	command.Flags().StringVar(&region, "region", "", "the `region` that it is in")
	return command
}
