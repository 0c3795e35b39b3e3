//go:build linux

// Command container-shim becomes a container's program. It is not for users: it
// is built into pocctl, which starts one for each container of the local
// environment. See docs/adr/0021.
package main

import (
	"os"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

func main() { os.Exit(shim.Main()) } //nolint:forbidigo // this is a main
