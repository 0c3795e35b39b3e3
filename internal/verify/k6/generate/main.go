// Command generate writes k6's scripts of the loads that have a name into a folder.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pocctl/pocctl/internal/verify/k6"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: generate FOLDER"))
	}
	scripts, err := k6.BuiltIn()
	fail(err)
	for name, text := range scripts {
		fail(os.WriteFile(filepath.Join(os.Args[1], name), text, 0o644)) //nolint:gosec // a file of the source tree
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate k6's scripts:", err)
		os.Exit(1)
	}
}
