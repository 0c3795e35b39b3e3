package cli

import "github.com/spf13/cobra"

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which pocctl this is",
		GroupID: groupTool,
		Example: "  pocctl version\n  pocctl version -o json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if a.json() {
				a.answered = true
				return a.Build.JSON(a.Stdout)
			}
			return a.Build.Text(a.Stdout)
		},
	}
}
