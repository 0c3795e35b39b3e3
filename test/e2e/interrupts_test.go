package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestInterrupts presses Ctrl-C in the middle of each phase that takes long, and
// begins a second `up` beside the first.
func TestInterrupts(t *testing.T) {
	t.Parallel()
	box := harness.New(t)

	first := begin(t, box, "up", "-o", "json")
	first.sees("waiting     provision/cluster")
	t.Run("a second up names the holder", func(t *testing.T) {
		second := box.Pocctl("up", "-o", "json")
		problem := parse(t, second.Stdout).Error
		if second.Exit != 1 || problem == nil || problem.Code != "environment-held" {
			t.Fatalf("exit %d\n%s", second.Exit, second.Stdout)
		}
		holder := "pocctl up (process " + strconv.Itoa(first.command.Process.Pid)
		if !strings.Contains(problem.Message, holder) || !strings.Contains(problem.Fix, "wait until it ends") {
			t.Errorf("it says %q and %q; %q is wanted", problem.Message, problem.Fix, holder)
		}
	})
	t.Run("during provision/cluster", func(t *testing.T) { interrupted(t, first, "provision/cluster") })
	for _, step := range []string{"deploy/postgres", "verify/slo"} {
		t.Run("during "+step, func(t *testing.T) {
			again := begin(t, box, "up", "-o", "json")
			again.sees("waiting     " + step)
			if !strings.Contains(again.stderr.String(), "taking up run ") {
				t.Errorf("it does not say that it takes up the earlier run:\n%s", again.stderr.String())
			}
			interrupted(t, again, step)
		})
	}
	t.Run("the next up finishes", func(t *testing.T) {
		if up := parse(t, box.Must(measured(t, box, gently(t, box, localEnvironment(t))...))); up.Status != "passed" {
			t.Errorf("up: %+v", up)
		}
	})
	t.Run("a second Ctrl-C ends at once", func(t *testing.T) { twice(t, box) })
}

// interrupted presses Ctrl-C and looks at what is told and what stands.
func interrupted(t *testing.T, up *background, step string) {
	t.Helper()
	up.signal(t, syscall.SIGINT)
	result := up.end()
	if result.Exit != 130 {
		t.Fatalf("exit %d\n%s", result.Exit, result.Stderr)
	}
	document := parse(t, result.Stdout)
	problem := document.Error
	if document.Status != "interrupted" || problem == nil || problem.Code != "interrupted" ||
		!strings.Contains(problem.Message, step) || !strings.Contains(problem.Fix, "run the same command again") {
		t.Errorf("told: %s %+v; an interruption during %s is wanted", document.Status, problem, step)
	}
	for _, phase := range document.Phases {
		for _, each := range phase.Steps {
			if each.Name == step && each.Status != "interrupted" {
				t.Errorf("%s is %s: %s", each.Name, each.Status, each.Detail)
			}
		}
	}
	noOrphans(t, up.box)
	up.box.Eventually(30*time.Second, "status to show what stands", func() (bool, string) {
		status := up.box.Pocctl("status", "-o", "json")
		return status.Exit == 0 && strings.Contains(status.Stdout, `"kube-apiserver"`), status.Stdout + status.Stderr
	})
}

// noOrphans fails the test for every process that is not the supervisor's: it
// alone is meant to outlive the command.
func noOrphans(t *testing.T, box *harness.Sandbox) {
	t.Helper()
	box.Eventually(20*time.Second, "every process to be the supervisor's", func() (bool, string) {
		supervisors := processes(t, box, " supervise ")
		if len(supervisors) != 1 {
			return false, "supervisors: " + strings.Join(box.Processes(), "\n")
		}
		for _, pid := range processes(t, box, "") {
			if !descends(pid, supervisors[0]) {
				if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); err == nil {
					return false, "process " + strconv.Itoa(pid) + " of\n" + strings.Join(box.Processes(), "\n")
				}
			}
		}
		return true, ""
	})
}

// descends says whether ancestor is pid or above it.
func descends(pid, ancestor int) bool {
	for pid > 1 && pid != ancestor {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			return false
		}
		// "pid (name) state parent …", and the name may hold brackets.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			return false
		}
	}
	return pid == ancestor
}

// twice gives a command a screen that takes nothing any more, as after Ctrl-S:
// it can't end in order, and the second Ctrl-C has to end it all the same.
func twice(t *testing.T, box *harness.Sandbox) {
	screen, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	defer full.Close()
	size, err := unix.FcntlInt(full.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := full.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	up := box.PocctlCommand(t.Context(), "up", "-o", "json")
	up.Stderr = full
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = up.Wait() // how it ended is in its state
	}()
	box.Eventually(time.Minute, "the command to hold the lock", func() (bool, string) {
		holder, err := os.ReadFile(filepath.Join(box.State(), "lock"))
		return err == nil && strings.Contains(string(holder), `"pid":`+strconv.Itoa(up.Process.Pid)), string(holder)
	})
	presses := 0
	box.Eventually(20*time.Second, "Ctrl-C to end a command that is stuck", func() (bool, string) {
		select {
		case <-ended:
			return true, ""
		default:
		}
		presses++
		_ = up.Process.Signal(syscall.SIGINT) // it may have ended this very moment
		return false, strconv.Itoa(presses) + " presses"
	})
	state, ok := up.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !state.Signaled() || state.Signal() != syscall.SIGINT || presses < 2 {
		t.Errorf("it ended with %v after %d presses", up.ProcessState, presses)
	}
	noOrphans(t, box)
	box.Must(measured(t, box, gently(t, box, localEnvironment(t))...))
}
