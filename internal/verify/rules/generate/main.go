// Command generate writes the rules of the objectives, the same for exercises, and
// what a canary is checked for, into the charts.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

func main() {
	if len(os.Args) != 4 {
		fail(errors.New("usage: generate RULES DRILL CHECKS"))
	}
	source, err := config.OpenSource("")
	fail(err)
	objectives, err := source.Objectives()
	fail(err)
	text, err := rules.Of(objectives).YAML()
	fail(err)
	fail(os.WriteFile(os.Args[1], text, 0o644)) //nolint:gosec // a file of the source tree
	drill, err := rules.Of(objectives).Drill(rules.DrillFactor)
	fail(err)
	text, err = drill.YAML()
	fail(err)
	fail(os.WriteFile(os.Args[2], text, 0o644)) //nolint:gosec // a file of the source tree
	text, err = rules.ChecksYAML(objectives)
	fail(err)
	fail(os.WriteFile(os.Args[3], text, 0o644)) //nolint:gosec // a file of the source tree
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate rules:", err)
		os.Exit(1)
	}
}
