//go:build linux

package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestStats(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; (exec sleep 600) & echo done; wait`))
	f.ready(id, "done")
	stats, err := f.ContainerStats(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Cpu.UsageCoreNanoSeconds.Value == 0 || stats.Memory.WorkingSetBytes.Value == 0 || stats.Memory.RssBytes.Value == 0 {
		t.Errorf("stats %v", stats)
	}
	list, err := f.ListContainerStats(t.Context(), nil)
	if err != nil || len(list) != 1 || list[0].Attributes.Id != id {
		t.Errorf("ListContainerStats gave %v, %v", list, err)
	}
	pods, err := f.ListPodSandboxStats(t.Context(), nil)
	if err != nil || len(pods) != 1 {
		t.Fatalf("ListPodSandboxStats gave %v, %v", pods, err)
	}
	if linux := pods[0].Linux; linux.Process.ProcessCount.Value != 2 || linux.Memory.WorkingSetBytes.Value == 0 || len(linux.Containers) != 1 {
		t.Errorf("pod stats %v", pods[0])
	}
}

func TestManyAtOnce(t *testing.T) {
	f := newFixture(t)
	var group sync.WaitGroup
	for worker := range 6 {
		group.Go(func() {
			for round := range 3 {
				if err := f.oneLife(fmt.Sprintf("%d-%d", worker, round)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { // the kubelet's lifecycle events and stats
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = f.ListContainers(context.Background(), nil)
			_, _ = f.ListPodSandboxStats(context.Background(), nil)
		}
	})
	group.Wait()
	close(stop)
	watcher.Wait()
	if left, _ := f.ListPodSandbox(t.Context(), nil); len(left) != 0 {
		t.Errorf("%d pods are left", len(left))
	}
	entries, err := os.ReadDir(filepath.Join(f.options.Directory, "containers"))
	if err != nil || len(entries) != 0 {
		t.Errorf("directories are left: %v, %v", entries, err)
	}
}

// oneLife takes a pod from its making to its removal.
func (f *fixture) oneLife(name string) error {
	ctx := context.Background()
	config := f.sandboxConfig()
	config.LogDirectory = filepath.Join(f.logs, name)
	sandbox, err := f.RunPodSandbox(ctx, config, "")
	if err != nil {
		return err
	}
	id, err := f.CreateContainer(ctx, sandbox, shell(`trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done`), config)
	if err != nil {
		return err
	}
	if err := f.StartContainer(ctx, id); err != nil {
		return err
	}
	// The trap is set once the log says so; a probe then sees the same.
	for {
		content, _ := os.ReadFile(config.LogDirectory + "/main/0.log")
		if strings.Contains(string(content), "ready") {
			break
		}
	}
	if out, _, err := f.ExecSync(ctx, id, []string{"echo", name}, patience); err != nil || string(out) != name+"\n" {
		return fmt.Errorf("exec gave %q, %w", out, err)
	}
	if err := f.StopContainer(ctx, id, 20); err != nil {
		return err
	}
	status, err := f.ContainerStatus(ctx, id, false)
	if err != nil {
		return err
	}
	if s := status.Status; s.State != runtimeapi.ContainerState_CONTAINER_EXITED || s.ExitCode != 0 {
		return fmt.Errorf("after the stop: %v", s)
	}
	return f.RemovePodSandbox(ctx, sandbox)
}

func TestCloseLeavesNothing(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`trap '' TERM; setsid sleep 600 & echo $$ $!; while :; do sleep 0.05; done`))
	f.ready(id, "\n")
	pids := strings.Fields(f.output(id))
	ctx, cancel := context.WithTimeout(t.Context(), patience/10)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %s is left", pid)
		}
	}
	if _, err := f.tryStart(shell("exit 0")); err == nil {
		t.Error("a container started after the end")
	}
}
