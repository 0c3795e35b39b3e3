package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/deploy/deploytest"
	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestDeploy runs the deploy suite: installs, upgrades, failures and the mending
// of what a kill left behind, on the real API server.
func TestDeploy(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	command := exec.Command("go", "build", "-o", filepath.Join(box.Home, "probe"), "./testdata/probe")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build probe: %v\n%s", err, out)
	}
	const image = "example.com/team/probe"
	box.Env = box.Write("deploys.yaml", "kind: local\nimages: {"+image+": {program: ./probe}}\n")
	box.Must(box.Pocctl("provision"))
	config, err := clientcmd.BuildConfigFromFlags("", box.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	deploytest.Run(t, deploytest.Cluster{
		Config: config, Image: image + ":1",
		Serve: []string{"serve"}, Succeed: []string{"succeed"}, Fail: []string{"fail"},
	})
}
