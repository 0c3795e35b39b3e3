// Package about says which pocctl this is.
package about

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// Set by the linker.
var (
	version    = "dev"
	commit     string
	date       string
	kubernetes string
)

// Build is what the linker knows of the binary.
type Build struct {
	Version    string `json:"version"` // "v1.2.3", or "dev" for a build by hand
	Commit     string `json:"commit"`
	Date       string `json:"date"`       // RFC 3339
	Kubernetes string `json:"kubernetes"` // the version inside the binary; empty in a slim build
}

// This is the running binary's.
func This() Build {
	return Build{Version: version, Commit: commit, Date: date, Kubernetes: kubernetes}
}

// JSON writes the document pocctl.version/v1.
func (b Build) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Schema string `json:"schema"`
		Build
		Go       string `json:"go"`
		Platform string `json:"platform"`
		Error    any    `json:"error"`
	}{Schema: "pocctl.version/v1", Build: b, Go: runtime.Version(), Platform: platform()})
}

// Text writes a line for each thing that is known.
func (b Build) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"pocctl", b.Version}, {"commit", b.Commit}, {"built", b.Date},
		{"kubernetes", b.Kubernetes}, {"go", runtime.Version()}, {"platform", platform()},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	return table.Flush()
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }
