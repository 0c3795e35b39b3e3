// Command generate writes the dashboards for Grafana into a folder, and removes those
// that are no more.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: generate FOLDER"))
	}
	source, err := config.OpenSource("")
	fail(err)
	objectives, err := source.Objectives()
	fail(err)
	written := map[string]bool{}
	for _, dashboard := range dashboards.All(objectives) {
		text, err := dashboard.Grafana()
		fail(err)
		file := filepath.Join(os.Args[1], dashboard.File())
		fail(os.WriteFile(file, text, 0o644)) //nolint:gosec // a file of the source tree
		written[file] = true
	}
	there, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	fail(err)
	for _, file := range there {
		if !written[file] {
			fail(os.Remove(file))
		}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate dashboards:", err)
		os.Exit(1)
	}
}
