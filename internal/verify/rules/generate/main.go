// Command generate writes the rules of the objectives into the chart.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: generate FILE"))
	}
	source, err := config.OpenSource("")
	fail(err)
	objectives, err := source.Objectives()
	fail(err)
	text, err := rules.Of(objectives).YAML()
	fail(err)
	fail(os.WriteFile(os.Args[1], text, 0o644)) //nolint:gosec // a file of the source tree
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate rules:", err)
		os.Exit(1)
	}
}
