//go:build linux

package runtime

import (
	"strings"
	"syscall"
	"testing"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
)

func TestExitCodes(t *testing.T) {
	f := newFixture(t)
	for name, test := range map[string]struct {
		script string
		code   int32
		reason string
	}{
		"success": {"exit 0", 0, "Completed"},
		"failure": {"exit 3", 3, "Error"},
		"signal":  {"kill -9 $$", 137, "Error"},
	} {
		t.Run(name, func(t *testing.T) {
			_, status := f.run(shell(test.script))
			if status.ExitCode != test.code || status.Reason != test.reason {
				t.Errorf("exit code %d, reason %q", status.ExitCode, status.Reason)
			}
			if status.FinishedAt < status.StartedAt || status.StartedAt < status.CreatedAt {
				t.Errorf("times are out of order: %v", status)
			}
		})
	}
}

func TestOutputOfAShortContainerIsWhole(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("x", 40_000)
	out, _ := f.run(shell("echo one; echo two >&2; printf '%s\\n' $LONG; printf end", env("LONG", long)))
	for _, part := range []string{"one\n", "two\n", long + "\n", "end\n"} {
		if !strings.Contains(out, part) {
			t.Errorf("the output lacks %.20q", part)
		}
	}
}

func TestStopSendsTheSignalAndWaits(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done`))
	f.ready(id, "ready")
	if err := f.StopContainer(t.Context(), id, 20); err != nil {
		t.Fatal(err)
	}
	if status := f.status(id); status.ExitCode != 7 {
		t.Errorf("exit code %d", status.ExitCode)
	}
	if out := f.output(id); !strings.Contains(out, "bye") {
		t.Errorf("output %q", out)
	}
}

func TestStopSendsTheWantedSignal(t *testing.T) {
	shellWithSignal := image.Image{Name: "service", Program: "/bin/sh", StopSignal: syscall.SIGINT}
	f := newFixture(t, func(o *Options) { o.Images = image.NewCatalogue(shellWithSignal) })
	for name, test := range map[string]struct {
		image  string
		signal runtimeapi.Signal
		code   int32
	}{
		"nobody's":    {"busybox", runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT, 7},
		"the pod's":   {"busybox", runtimeapi.Signal_SIGNAL_SIGUSR1, 8},
		"the image's": {"service", runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT, 9},
		"both":        {"service", runtimeapi.Signal_SIGNAL_SIGUSR1, 8},
	} {
		t.Run(name, func(t *testing.T) {
			id := f.start(shell(`trap 'exit 7' TERM; trap 'exit 8' USR1; trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done`,
				func(c *runtimeapi.ContainerConfig) { c.Image.Image, c.StopSignal = test.image, test.signal }))
			f.ready(id, "ready")
			if err := f.StopContainer(t.Context(), id, 20); err != nil {
				t.Fatal(err)
			}
			if status := f.status(id); status.ExitCode != test.code {
				t.Errorf("exit code %d, want %d", status.ExitCode, test.code)
			}
		})
	}
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`trap '' TERM; echo ready; while :; do sleep 0.05; done`))
	f.ready(id, "ready")
	started := time.Now()
	if err := f.StopContainer(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	if status := f.status(id); status.ExitCode != 137 {
		t.Errorf("exit code %d", status.ExitCode)
	}
	if time.Since(started) < time.Second {
		t.Error("killed before the grace was over")
	}
}

func TestNothingOfAContainerIsLeft(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		for name, script := range map[string]string{
			"child":                   `sleep 600 & echo $!; wait`,
			"own session":             `setsid sleep 600 & echo $!; wait`,
			"orphan":                  `(sleep 600 & echo $!); sleep 600`,
			"orphan with own session": `(setsid sleep 600 & echo $!); sleep 600`,
			"no environment":          `env -i setsid sleep 600 & echo $!; wait`,
		} {
			id := f.start(shell(script))
			f.ready(id, "\n")
			pid := strings.TrimSpace(f.output(id))
			f.waitOwned(id, pid)
			if err := f.StopContainer(t.Context(), id, 0); err != nil {
				t.Fatal(err)
			}
			f.exited(id)
			if exists(pid) {
				t.Errorf("%s: process %s is left", name, pid)
			}
		}
	})
}

func TestOrphansEndWithTheMainProcess(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		out, status := f.run(shell(`sleep 600 & echo $!; exit 4`))
		if status.ExitCode != 4 {
			t.Errorf("exit code %d", status.ExitCode)
		}
		if pid := strings.TrimSpace(out); alive(pid) {
			t.Errorf("process %s is left", pid)
		}
	})
}

func TestNamespaceTellsWhoseAProcessIs(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	// Nothing ties this one to its container but the namespace.
	id := f.start(shell(`(env -i setsid sleep 600 & echo $!); sleep 600`))
	f.ready(id, "\n")
	f.waitOwned(id, strings.TrimSpace(f.output(id)))
}

// waitOwned waits until the runtime has seen a process of a container.
func (f *fixture) waitOwned(id, pid string) {
	f.t.Helper()
	eventually(f.t, "the runtime to know the process", func() bool {
		for _, process := range f.starter.Processes()[id] {
			if pid == itoa(process.PID) {
				return true
			}
		}
		return false
	})
}

func TestOrphansAreReaped(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`(sleep 0.1 & echo $!); sleep 600`))
	f.ready(id, "\n")
	pid := strings.TrimSpace(f.output(id))
	eventually(t, "the orphan to be reaped", func() bool { return !exists(pid) })
}

func TestStartFailsWithTheReason(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		config := shell("")
		config.Command = []string{"no-such-program"}
		id, err := f.tryStart(config)
		if err == nil || !strings.Contains(err.Error(), `"no-such-program": executable file not found`) {
			t.Fatalf("StartContainer gave %v", err)
		}
		if s := f.status(id); s.State != runtimeapi.ContainerState_CONTAINER_EXITED || s.ExitCode != 128 ||
			s.Reason != "StartError" || s.Message != err.Error() {
			t.Errorf("afterwards it is %v", s)
		}
	})
}

func TestStartIsForOnce(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("exit 0"))
	f.exited(id)
	if err := f.StartContainer(t.Context(), id); err == nil {
		t.Error("a container was started twice")
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`echo before; while ! [ -e /tmp/go ]; do sleep 0.05; done; echo after; sleep 600`))
	f.ready(id, "before")
	path := f.status(id).LogPath
	rename(t, path, path+".1")
	if err := f.ReopenContainerLog(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := f.exec(id, "sh", "-c", "touch /tmp/go"); err != nil {
		t.Fatal(err)
	}
	f.ready(id, "after")
	if strings.Contains(f.output(id), "before") {
		t.Error("the new log holds what was before")
	}
}

func TestRemoveSandboxRemovesItsContainers(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell(`echo $$; sleep 600`))
	f.ready(id, "\n")
	pid := strings.TrimSpace(f.output(id))
	pods, err := f.ListPodSandbox(t.Context(), nil)
	if err != nil || len(pods) != 1 {
		t.Fatalf("ListPodSandbox gave %v, %v", pods, err)
	}
	if err := f.RemovePodSandbox(t.Context(), pods[0].Id); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("the process is left")
	}
	if containers, _ := f.ListContainers(t.Context(), nil); len(containers) != 0 {
		t.Errorf("containers are left: %v", containers)
	}
	if _, err := f.PodSandboxStatus(t.Context(), pods[0].Id, false); err == nil {
		t.Error("the pod is left")
	}
	// The kubelet does it all twice.
	if err := f.RemovePodSandbox(t.Context(), pods[0].Id); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestFilters(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("sleep 600", func(c *runtimeapi.ContainerConfig) { c.Labels = map[string]string{"a": "b"} }))
	over := f.start(shell("exit 0"))
	f.exited(over)
	for name, test := range map[string]struct {
		filter *runtimeapi.ContainerFilter
		want   int
	}{
		"none":        {nil, 2},
		"id":          {&runtimeapi.ContainerFilter{Id: id}, 1},
		"running":     {&runtimeapi.ContainerFilter{State: &runtimeapi.ContainerStateValue{State: runtimeapi.ContainerState_CONTAINER_RUNNING}}, 1},
		"label":       {&runtimeapi.ContainerFilter{LabelSelector: map[string]string{"a": "b"}}, 1},
		"other label": {&runtimeapi.ContainerFilter{LabelSelector: map[string]string{"a": "c"}}, 0},
		"other pod":   {&runtimeapi.ContainerFilter{PodSandboxId: "x"}, 0},
	} {
		list, err := f.ListContainers(t.Context(), test.filter)
		if err != nil || len(list) != test.want {
			t.Errorf("%s: %d containers, %v", name, len(list), err)
		}
	}
}
