//go:build linux

package runtime

import (
	"fmt"
	"os"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// TestMain lets the test binary stand for the real one: it is its own shim, the
// node that a test kills, and this suite run as another user.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case shim.Command:
			os.Exit(shim.Main())
		case nodeCommand:
			fmt.Fprintln(os.Stdout, runNode(os.Stdout, os.Args[2:]))
			return
		case programCommand:
			fmt.Fprintln(os.Stdout, "args", os.Args[2:])
			return
		}
	}
	m.Run()
}

// The test binary's other lives.
const (
	nodeCommand    = "test-node"
	programCommand = "test-program"
)
