package process

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become replaces this process by program, which the kernel goes on killing when
// the parent dies: that mark belongs to a thread, and the thread that executes
// need not be the one that had it. It returns only on an error.
func Become(program string, args, environment []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("mark process %d to die with its parent: %w", os.Getpid(), err)
	}
	return syscall.Exec(program, args, environment)
}
