package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// greeterImage is what the tests' own service is called in their charts; there
// is no such image anywhere.
const greeterImage = "example.com/team/greeter"

// buildGreeter builds the tests' own service into the sandbox's home, as a team
// does before it deploys.
func buildGreeter(t *testing.T, box *harness.Sandbox, greeting string) {
	t.Helper()
	command := exec.Command("go", "build", "-ldflags", "-s -w -X main.greeting="+greeting,
		"-o", filepath.Join(box.Home, "greeter"), "./testdata/greeter")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build greeter: %v\n%s", err, out)
	}
}
