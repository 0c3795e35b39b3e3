//go:build linux

package runtime

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets the test binary stand for the node that a test kills, a program,
// and this suite run as another user.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
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
