package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/fault"
)

func (a *app) kubeconfig() *cobra.Command {
	var path, merge bool
	command := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the kubeconfig of the environment's cluster",
		Long: `Prints the kubeconfig of the environment's cluster. That of an environment on this
machine holds the administrator's key: whoever has it has the cluster. That of one in
AWS holds none: it has pocctl sign tokens with the AWS credentials at hand.`,
		GroupID: groupLook,
		Example: `  export KUBECONFIG=$(pocctl kubeconfig --path)
  pocctl kubeconfig > config.yaml
  pocctl kubeconfig --merge          # into your own kubeconfig, as its current context`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			s, options, err := a.stack()
			if err != nil {
				return err
			}
			if err := s.Connect(); err != nil {
				return err
			}
			file := s.Kubeconfig()
			content, err := os.ReadFile(file)
			if err != nil {
				return fault.New(fault.NotUp, "env", options.Environment.Name).Because(err)
			}
			answer := struct {
				Schema string `json:"schema"`
				Path   string `json:"path"`
				Merged string `json:"merged,omitempty"`
			}{Schema: "pocctl.kubeconfig/v1", Path: file}
			if merge {
				if answer.Merged, err = mergeKubeconfig(file); err != nil {
					return err
				}
			}
			return a.answer(answer, func() error {
				text := string(content)
				switch {
				case merge:
					text = fmt.Sprintf("Merged into %s, whose current context it is now.\n", answer.Merged)
				case path:
					text = file + "\n"
				}
				_, err := fmt.Fprint(a.Stdout, text)
				return err
			})
		},
	}
	command.Flags().BoolVar(&path, "path", false, "print the path of the file instead")
	command.Flags().BoolVar(&merge, "merge", false, "merge it into your own kubeconfig")
	command.MarkFlagsMutuallyExclusive("path", "merge")
	return command
}

// mergeKubeconfig adds file's cluster, user and context to the user's own
// kubeconfig, and gives its path.
func mergeKubeconfig(file string) (string, error) {
	added, err := clientcmd.LoadFromFile(file)
	if err != nil {
		return "", fmt.Errorf("read kubeconfig: %w", err)
	}
	access := clientcmd.NewDefaultPathOptions()
	own, err := access.GetStartingConfig()
	if err != nil {
		return "", fmt.Errorf("read your kubeconfig: %w", err)
	}
	for name, cluster := range added.Clusters {
		own.Clusters[name] = cluster
	}
	for name, user := range added.AuthInfos {
		own.AuthInfos[name] = user
	}
	for name, context := range added.Contexts {
		own.Contexts[name] = context
	}
	own.CurrentContext = added.CurrentContext
	if err := clientcmd.ModifyConfig(access, *own, true); err != nil {
		return "", fmt.Errorf("write your kubeconfig: %w", err)
	}
	return access.GetDefaultFilename(), nil
}
