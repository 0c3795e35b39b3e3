//go:build linux

package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// role makes the test binary play a part of its own in a test.
const role = "POCCTL_PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "parent": // starts a child by a Spawner, names it, and waits to be killed
		spawner := NewSpawner()
		child := shell("sleep 300")
		if err := spawner.Start(child); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(child.Process.Pid)
		select {}
	}
}

func shell(script string, environment ...string) *exec.Cmd {
	command := exec.Command("/bin/sh", "-c", script)
	command.Env = append(os.Environ(), append(environment, role+"=")...)
	return command
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("waited 20s until %s", what)
}

// alive says whether a process runs; one that nobody reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), role+"=parent")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || !alive(child) {
		t.Fatalf("child %q: %v", line, err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	eventually(t, "the child is gone", func() bool { return !alive(child) })
}

// Threads that started children by hand end all the time; those of a Spawner
// outlive the goroutine that asked.
func TestChildOutlivesTheCallersThread(t *testing.T) {
	spawner := NewSpawner()
	children := make([]*exec.Cmd, 8)
	var callers sync.WaitGroup
	for i := range children {
		callers.Go(func() {
			children[i] = shell("exec sleep 300")
			if err := spawner.Start(children[i]); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	for _, child := range children {
		if group, err := unix.Getpgid(child.Process.Pid); err != nil || group != child.Process.Pid {
			t.Errorf("group of %d: %d, %v", child.Process.Pid, group, err)
		}
		if !alive(child.Process.Pid) {
			t.Errorf("child %d is gone", child.Process.Pid)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
	}
	spawner.Close()
	spawner.Close()
	eventually(t, "the spawner refuses", func() bool {
		late := shell("exit 0")
		err := spawner.Start(late)
		if err == nil {
			_ = late.Wait()
		}
		return errors.Is(err, ErrClosed)
	})
}

// recorder collects states.
type recorder struct {
	mu     sync.Mutex
	states []State
}

func (r *recorder) notify(state State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, state)
}

func (r *recorder) all() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]State(nil), r.states...)
}

func (r *recorder) last() State {
	if all := r.all(); len(all) > 0 {
		return all[len(all)-1]
	}
	return State{}
}

// supervise runs it in the background; the result stops it and waits.
func supervise(t *testing.T, options Options) (*recorder, func()) {
	t.Helper()
	seen := &recorder{}
	options.Notify = seen.notify
	options.Spawner = NewSpawner()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Supervise(ctx, options)
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		<-done
		options.Spawner.Close()
	})
	t.Cleanup(stop)
	return seen, stop
}

func TestSuperviseStartsAgain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "logs", "child.log")
	output, err := NewLog(log, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = output.Close() })
	seen, stop := supervise(t, Options{
		Name:    "child",
		Command: func() (*exec.Cmd, error) { return shell("echo first; echo the reason >&2; exit 3"), nil },
		Backoff: Backoff{First: time.Millisecond, Most: 2 * time.Millisecond},
		Log:     output,
	})
	eventually(t, "it was started three times", func() bool { return seen.last().Restarts >= 2 })
	stop()

	var phases []Phase
	for _, state := range seen.all() {
		phases = append(phases, state.Phase)
		if state.Phase != Exited {
			continue
		}
		if state.Exit != "exit status 3" || state.RetryIn <= 0 || state.PID == 0 {
			t.Errorf("state %+v", state)
		}
		// The two streams meet in one pipe, so the order of lines is the child's.
		if strings.Join(state.Lines, "|") != "first|the reason" {
			t.Errorf("lines %q", state.Lines)
		}
	}
	want := []Phase{Starting, Running, Exited, Starting, Running, Exited}
	if fmt.Sprint(phases[:6]) != fmt.Sprint(want) || phases[len(phases)-1] != Stopped {
		t.Errorf("phases %v", phases)
	}
	content, err := os.ReadFile(log)
	if err != nil || !strings.HasPrefix(string(content), "first\nthe reason\n") {
		t.Errorf("log %q, %v", content, err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log mode %v, %v", info.Mode(), err)
	}
}

func TestSuperviseCannotStart(t *testing.T) {
	seen, _ := supervise(t, Options{
		Command: func() (*exec.Cmd, error) { return exec.Command("/nonexistent/program"), nil },
		Backoff: Backoff{First: time.Millisecond, Most: time.Millisecond},
	})
	eventually(t, "it was tried again", func() bool { return seen.last().Restarts > 0 })
	for _, state := range seen.all() {
		if state.Phase == Exited && !strings.Contains(state.Exit, "no such file") {
			t.Errorf("exit %q", state.Exit)
		}
	}
}

func TestSuperviseStopsTheGroup(t *testing.T) {
	tests := []struct {
		name, script, exit string
	}{
		{"one that obeys", `trap 'exit 7' TERM; sleep 300 & echo $!; wait`, "exit status 7"},
		{"one that ignores SIGTERM", `trap '' TERM; sleep 300 & echo $!; wait; wait`, "signal: killed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			output := &tail{}
			seen, stop := supervise(t, Options{
				Command: func() (*exec.Cmd, error) { return shell(test.script), nil },
				Grace:   200 * time.Millisecond,
				Log:     output,
			})
			eventually(t, "it told its own child", func() bool { return len(output.last()) == 1 })
			grandchild, err := strconv.Atoi(output.last()[0])
			if err != nil {
				t.Fatal(err)
			}
			child := seen.last().PID
			stop()
			if state := seen.last(); state.Phase != Stopped || state.Exit != test.exit {
				t.Errorf("last state %+v", state)
			}
			if alive(child) {
				t.Error("the child is alive")
			}
			eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
		})
	}
}

func TestKillFindsByMarkerAndDescent(t *testing.T) {
	marker := fmt.Sprintf("POCCTL_PROCESS_TEST_MARKER=%d-%d", os.Getpid(), time.Now().UnixNano())
	// The sleep has lost the marker and has left the group: it is found by descent.
	leftover := shell("env -i setsid sleep 300 & echo $!; wait", marker)
	output := &tail{}
	leftover.Stdout = output
	stranger := shell("exec sleep 300", marker+"0")
	for _, command := range []*exec.Cmd{leftover, stranger} {
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	go func() { _ = leftover.Wait() }()

	eventually(t, "the leftover has its own child", func() bool { return len(output.last()) == 1 })
	descendant, err := strconv.Atoi(output.last()[0])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the descendant has lost the marker", func() bool { return !hasMarker(descendant, marker) })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := Kill(ctx, marker); err != nil {
		t.Fatal(err)
	}
	if found, err := Find(marker); err != nil || len(found) != 0 {
		t.Errorf("left: %+v, %v", found, err)
	}
	if !alive(stranger.Process.Pid) {
		t.Error("a process with another marker was killed")
	}
	if alive(descendant) {
		t.Error("the descendant is alive")
	}
}

func TestFindWantsAPair(t *testing.T) {
	if _, err := Find("POCCTL"); err == nil {
		t.Error("a marker that is no pair was taken")
	}
}

// TestBecomeDiesWithItsParent replaces a process twice over, as built-in images
// do, and then kills the one that started it.
func TestBecomeDiesWithItsParent(t *testing.T) {
	marker := "POCCTL_TEST_BECOME=" + t.Name() + strconv.Itoa(os.Getpid())
	parent := exec.Command(os.Args[0], "-test.run=^TestBecomeParent$")
	parent.Env = append(os.Environ(), marker, "POCCTL_TEST_ROLE=parent")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = parent.Process.Kill(); _ = parent.Wait() }()
	sleeping := func() bool {
		found, err := Find(marker)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, one := range found {
			seen = seen || strings.Contains(one.Command, "sleep 300")
			one.Close()
		}
		return seen
	}
	await := func(what string, want bool) {
		t.Helper()
		for begin := time.Now(); sleeping() != want; time.Sleep(10 * time.Millisecond) {
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("waited 20 s for %s", what)
			}
		}
	}
	await("the program to run", true)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await("the program to die with its parent", false)
}

// TestBecomeParent is the processes of TestBecomeDiesWithItsParent.
func TestBecomeParent(t *testing.T) {
	switch os.Getenv("POCCTL_TEST_ROLE") {
	case "parent":
		spawner := NewSpawner()
		child := exec.Command(os.Args[0], "-test.run=^TestBecomeParent$")
		child.Env = append(os.Environ(), "POCCTL_TEST_ROLE=child")
		if err := spawner.Start(child); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
	case "child":
		sleep, err := exec.LookPath("sleep")
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go onAnotherThread(func() { failed <- Become(sleep, []string{"sleep", "300"}, os.Environ()) })
		t.Fatal(<-failed)
	}
}

// onAnotherThread calls f on any thread but the process's first, which alone has
// the mark that the parent set.
func onAnotherThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		f()
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); onAnotherThread(f) }()
	<-done
}
