package cli

import (
	"fmt"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which pocctl this is",
		GroupID: groupTool,
		Example: "  pocctl version\n  pocctl version -o json",
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.showVersion() },
	}
}

type versionDocument struct {
	Schema     string       `json:"schema"`
	Version    string       `json:"version"`
	Commit     string       `json:"commit"`
	Date       string       `json:"date"`
	Kubernetes string       `json:"kubernetes"`
	Go         string       `json:"go"`
	Platform   string       `json:"platform"`
	Error      *fault.Error `json:"error"`
}

func (a *app) showVersion() error {
	v := versionDocument{
		Schema: "pocctl.version/v1", Version: a.Build.Version, Commit: a.Build.Commit, Date: a.Build.Date,
		Kubernetes: a.Build.Kubernetes, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	return a.answer(v, func() error {
		table := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
		for _, row := range [][2]string{
			{"pocctl", v.Version}, {"commit", v.Commit}, {"built", v.Date},
			{"kubernetes", v.Kubernetes}, {"go", v.Go}, {"platform", v.Platform},
		} {
			if row[1] != "" {
				fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
			}
		}
		return table.Flush()
	})
}
