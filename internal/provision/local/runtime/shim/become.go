//go:build linux

package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// become executes the program: at its own path where the user can reach that,
// else at its alias, else by the descriptor opened before.
func become(spec *Spec, program int) error {
	path := spec.Program
	if path == "" {
		found, err := lookUp(spec.Args[0], spec.Env)
		if err != nil {
			return err
		}
		return execute(found, spec)
	}
	if executable(path) {
		return execute(path, spec)
	}
	if spec.Root != nil && executable(spec.Alias) {
		return execute(spec.Alias, spec)
	}
	return executeDescriptor(program, spec)
}

func execute(path string, spec *Spec) error {
	return fmt.Errorf("execute %s: %w", path, unix.Exec(path, spec.Args, spec.Env))
}

func executeDescriptor(fd int, spec *Spec) error {
	args, err := syscall.SlicePtrFromStrings(spec.Args)
	if err != nil {
		return fmt.Errorf("execute %s: %w", spec.Program, err)
	}
	env, err := syscall.SlicePtrFromStrings(spec.Env)
	if err != nil {
		return fmt.Errorf("execute %s: %w", spec.Program, err)
	}
	errno := execveat(fd, args, env)
	if errno == unix.ENOENT {
		// A script: its interpreter must find the descriptor still open.
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		errno = execveat(fd, args, env)
	}
	return fmt.Errorf("execute %s: %w", spec.Program, errno)
}

func execveat(fd int, args, env []*byte) unix.Errno {
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd),
		uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&args[0])),
		uintptr(unsafe.Pointer(&env[0])),
		unix.AT_EMPTY_PATH, 0)
	runtime.KeepAlive(args)
	runtime.KeepAlive(env)
	return errno
}

// lookUp finds a command as a shell would, on the PATH of the container.
func lookUp(command string, env []string) (string, error) {
	if strings.Contains(command, "/") {
		if err := unix.Faccessat(unix.AT_FDCWD, command, unix.X_OK, unix.AT_EACCESS); err != nil {
			return "", fmt.Errorf("execute %s: %w", command, err)
		}
		return command, nil
	}
	path := ""
	for _, variable := range env {
		if value, isPath := strings.CutPrefix(variable, "PATH="); isPath {
			path = value
		}
	}
	for _, directory := range filepath.SplitList(path) {
		if candidate := filepath.Join(directory, command); executable(candidate) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("execute %q: %w in PATH %s", command, errNotFound, path)
}

var errNotFound = errors.New("executable file not found")

func executable(path string) bool {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return false
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) == nil
}
