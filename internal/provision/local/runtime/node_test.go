//go:build linux

package runtime

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
)

// runNode is a node in a process of its own, which runs one container and waits.
func runNode(out io.Writer, args []string) error {
	directory, isolation, script := args[0], Isolation(args[1]), args[2]
	ctx := context.Background()
	r, err := New(ctx, Options{Directory: directory, Images: image.NewCatalogue(), Isolation: isolation})
	if err != nil {
		return err
	}
	pod := &runtimeapi.PodSandboxConfig{Metadata: &runtimeapi.PodSandboxMetadata{Name: "pod"}, LogDirectory: directory}
	sandbox, err := r.RunPodSandbox(ctx, pod, "")
	if err != nil {
		return err
	}
	id, err := r.CreateContainer(ctx, sandbox, shell(script), pod)
	if err == nil {
		err = r.StartContainer(ctx, id)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "started", r.containers[id].main.PID())
	select {}
}

func TestKilledNodeTakesItsContainersAlong(t *testing.T) {
	for name, isolation := range map[string]Isolation{"substitute": Substitute, "best": Auto} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(openDirectory(t), "runtime")
			main := startNode(t, directory, isolation, "exec sleep 600")
			eventually(t, "the container to end with its node", func() bool { return !alive(main) })
		})
	}
}

func TestNextNodeKillsWhatIsLeft(t *testing.T) {
	for name, isolation := range map[string]Isolation{"substitute": Substitute, "best": Auto} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(openDirectory(t), "runtime")
			startNode(t, directory, isolation, "setsid sleep 600 & echo $!; wait")
			var pid string
			eventually(t, "the log", func() bool {
				content, _ := os.ReadFile(directory + "/main/0.log")
				fields := strings.Fields(string(content))
				if len(fields) < 4 {
					return false
				}
				pid = fields[3]
				return true
			})
			if !alive(pid) {
				t.Fatal("the test is worth nothing: its orphan has gone by itself")
			}
			if err := Sweep(t.Context(), directory); err != nil {
				t.Fatal(err)
			}
			if alive(pid) {
				t.Error("the orphan is left")
			}
		})
	}
}

// startNode starts a node, kills it once its container runs, and gives the
// container's process.
func startNode(t *testing.T, directory string, isolation Isolation, script string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "/proc/self/exe", nodeCommand, directory, string(isolation), script)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	pid, started := strings.CutPrefix(strings.TrimSpace(line), "started ")
	if !started {
		t.Fatalf("the node says %q, %v", line, err)
	}
	if strings.Contains(script, "$!") {
		eventually(t, "the script to have run", func() bool {
			content, _ := os.ReadFile(directory + "/main/0.log")
			return len(content) > 0
		})
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	return pid
}
