// Package about says which pocctl this is. It imports next to nothing, and must
// not import more: see answerEarly.
package about

import (
	"io"
	"runtime"
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

// Platform is "linux/amd64".
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Text writes a line for each thing that is known.
func (b Build) Text(w io.Writer) error {
	const column = "            "
	var text string
	for _, row := range [][2]string{
		{"pocctl", b.Version}, {"commit", b.Commit}, {"built", b.Date},
		{"kubernetes", b.Kubernetes}, {"go", runtime.Version()}, {"platform", Platform()},
	} {
		if row[1] != "" {
			text += row[0] + column[len(row[0]):] + row[1] + "\n"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}
