package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/pocctl/pocctl/internal/fault"
	machine "github.com/pocctl/pocctl/internal/provision/local/postgres"
)

func platform() Result {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return warn("linux/"+runtime.GOARCH, "it is built and tested on amd64 and arm64")
	}
	return ok("linux/" + runtime.GOARCH)
}

// userNamespaces tries one: settings of the kernel, of seccomp and of AppArmor
// can each forbid them, and none of them says so anywhere.
func userNamespaces(ctx context.Context) Result {
	program, err := exec.LookPath("true")
	if err != nil {
		return warn("not tried: no program `true`", "volumes are then found by rewriting their paths")
	}
	try := exec.CommandContext(ctx, program)
	try.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := try.Run(); err != nil {
		return warn("not allowed here", "volumes are found by rewriting their paths; for real mount paths allow unprivileged user namespaces")
	}
	return ok("allowed: volumes stand at their mount paths")
}

// postgres looks for a server that can be used, as up will.
func postgres(ctx context.Context, directory string) Result {
	found, err := machine.Find(ctx, machine.FindOptions{Directory: directory})
	var missing *fault.Error
	switch {
	case errors.As(err, &missing) && directory == "":
		return warn("none on this machine", "it is fetched on the first run, which needs a network; or install it: apt-get install postgresql")
	case errors.As(err, &missing):
		return fail(missing)
	case err != nil:
		return warn(err.Error(), "look at the Postgres on this machine")
	}
	return ok(found.Version + " in " + found.BinDir)
}

// availableMemory is the kernel's estimate of what can be had without swapping, in bytes.
func availableMemory() (uint64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		var kilobytes uint64
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("read memory: no MemAvailable in /proc/meminfo")
}
