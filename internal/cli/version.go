package cli

import (
	"encoding/json"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/about"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which pocctl this is",
		GroupID: groupTool,
		Example: "  pocctl version\n  pocctl version -o json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if !a.json() {
				return a.Build.Text(a.Stdout)
			}
			a.answered = true
			encoder := json.NewEncoder(a.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(versionDocument{
				Schema: "pocctl.version/v1", Build: a.Build, Go: runtime.Version(), Platform: about.Platform(),
			})
		},
	}
}

type versionDocument struct {
	Schema string `json:"schema"`
	about.Build
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Error    any    `json:"error"`
}
