//go:build linux

package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// The descriptors that the shim is started with, after the standard three.
const (
	SpecFD   = 3 // the Spec as JSON, to its end
	ReportFD = 4 // takes an error's text; closing it empty is success
)

const exitCode = 125 // nobody sees it: the report tells more

// Main reads the spec and becomes the program. It returns, with an exit code,
// only for a probe or on an error, which it has then reported.
func Main() int {
	// The death signal, capabilities and privileges are the thread's own.
	runtime.LockOSThread()
	unix.CloseOnExec(SpecFD)
	unix.CloseOnExec(ReportFD)
	report := os.NewFile(ReportFD, "report")
	if err := run(); err != nil {
		_, _ = report.WriteString(err.Error())
		return exitCode
	}
	return 0
}

func run() error {
	input := os.NewFile(SpecFD, "spec")
	if input == nil {
		return errors.New("read the container's spec: started without one")
	}
	var spec Spec
	if err := json.NewDecoder(input).Decode(&spec); err != nil {
		return fmt.Errorf("read the container's spec: %w", err)
	}
	program, err := openProgram(spec.Program)
	if err != nil {
		return err
	}
	unix.Umask(0o022)
	// Best effort: only lowering it needs a privilege.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.FormatInt(spec.OOMScoreAdjust, 10)), 0o600)
	if spec.Root != nil {
		if err := enterRoot(&spec); err != nil {
			return err
		}
	}
	if spec.Probe {
		return nil
	}
	if err := changeUser(spec.User); err != nil {
		return err
	}
	if err := changeDirectory(&spec); err != nil {
		return err
	}
	if spec.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("forbid new privileges: %w", err)
		}
	}
	if err := dieWith(spec.Parent); err != nil {
		return err
	}
	return become(&spec, program)
}

// openProgram holds on to the program before the user or the root changes, since
// afterwards its path may be out of reach.
func openProgram(path string) (int, error) {
	if path == "" {
		return -1, nil
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}

func changeUser(user *User) error {
	// A user namespace's process holds ambient capabilities for mounting.
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if user == nil {
		return nil
	}
	if err := syscall.Setgroups(user.Groups); err != nil {
		return fmt.Errorf("set the groups %v: %w", user.Groups, err)
	}
	if err := syscall.Setresgid(user.GID, user.GID, user.GID); err != nil {
		return fmt.Errorf("become group %d: %w", user.GID, err)
	}
	if err := syscall.Setresuid(user.UID, user.UID, user.UID); err != nil {
		return fmt.Errorf("become user %d: %w", user.UID, err)
	}
	return nil
}

func changeDirectory(spec *Spec) error {
	err := os.Chdir(spec.Directory)
	if errors.Is(err, os.ErrNotExist) && spec.Root == nil {
		return fmt.Errorf("working directory %s is not on this machine, and there is no mount namespace to make it in", spec.Directory)
	}
	return err
}

// dieWith asks for a SIGKILL when the parent dies. It comes after the change of
// user, which clears the request.
func dieWith(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tie the process to its node: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("the node ended while the container started")
	}
	return nil
}
