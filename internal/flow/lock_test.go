package flow

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// lockedBy names, to a re-executed test binary, the directory to hold.
const lockedBy = "POCCTL_TEST_LOCK_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(lockedBy); dir != "" {
		if _, err := Acquire(dir, "local", NewHolder("up")); err != nil {
			fmt.Println(err)
			os.Exit(fault.ExitCode(err))
		}
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or its parent is
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold starts another process that holds dir.
func hold(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), lockedBy+"="+dir, "USER=ada")
	output, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return other
}

func TestLockBetweenProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	other := hold(t, dir)

	_, err := Acquire(dir, "local", NewHolder("down"))
	got := fault.From(err)
	want := fmt.Sprintf("environment local is held by pocctl up (process %d of ada on ", other.Process.Pid)
	if got == nil || got.Code != fault.EnvironmentHeld || !strings.HasPrefix(got.Message, want) || fault.ExitCode(err) != fault.ExitFailed {
		t.Fatalf("error %v, want %s…", err, want)
	}

	if err := other.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	lock, err := Acquire(dir, "local", NewHolder("down"))
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestLockReleasedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		lock, err := Acquire(dir, "local", NewHolder("up"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(dir, "local", NewHolder("up")); err == nil {
			t.Fatal("held twice")
		}
		if err := lock.Remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "lock")); !os.IsNotExist(err) {
			t.Errorf("the lock's file is still there: %v", err)
		}
	}
}

func TestLockHolderNotYetNamed(t *testing.T) {
	if got := (Holder{}).String(); got != "another pocctl" {
		t.Error(got)
	}
	holder := Holder{PID: 42, Command: "up", User: "ada", Host: "box", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if got, want := holder.String(), "pocctl up (process 42 of ada on box, since 03:04:05 UTC)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
