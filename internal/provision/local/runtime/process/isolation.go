//go:build linux

package process

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// Isolation says what a container gets of its own.
type Isolation string

// The isolations, the best first.
const (
	// MountNamespace is a mount namespace, which takes root.
	MountNamespace Isolation = "mount-namespace"
	// UserNamespace is a mount namespace within a user namespace, in which the
	// container's user stands for the node's own.
	UserNamespace Isolation = "user-namespace"
	// None leaves the machine's file system as it is.
	None Isolation = "none"
)

// probeTimeout is ample: a probe takes milliseconds.
const probeTimeout = 10 * time.Second

// Probe finds the best isolation that can be had here. scratch is an empty
// directory. The error tells why it is None.
func (s *Starter) Probe(ctx context.Context, scratch string) (Isolation, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	candidates := []Isolation{UserNamespace}
	if os.Geteuid() == 0 {
		candidates = []Isolation{MountNamespace, UserNamespace}
	}
	var reason error
	for _, isolation := range candidates {
		if reason = s.try(ctx, isolation, scratch); reason == nil {
			return isolation, nil
		}
	}
	return None, reason
}

func (s *Starter) try(ctx context.Context, isolation Isolation, scratch string) error {
	user := shim.User{UID: probeUser, GID: probeUser}
	probe, err := s.Start(ctx, Request{
		Spec: shim.Spec{
			Directory: "/",
			Probe:     true,
			Root: &shim.Root{
				Directory: scratch,
				Label:     "pocctl/probe",
				Hostname:  "probe",
				ReadOnly:  true,
				Mounts:    []shim.Mount{{Source: "/dev/null", Target: "/pocctl-probe/a/b", ReadOnly: true}},
			},
		},
		Isolation: isolation,
		User:      user,
	})
	if err != nil {
		return err
	}
	<-probe.Done()
	if code := probe.ExitCode(); code != 0 {
		return fmt.Errorf("probe for a %s: exit code %d", isolation, code)
	}
	return nil
}

const probeUser = 65532

// attributes is what the kernel is asked for when the process is made.
func (i Isolation) attributes(user shim.User) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	switch i {
	case MountNamespace:
		attributes.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS
	case UserNamespace:
		attributes.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWUTS
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: user.UID, HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: user.GID, HostID: os.Getegid(), Size: 1}}
		attributes.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	case None:
	}
	return attributes
}

// ChangesUser tells whether the program's user is set by the process itself.
func (i Isolation) ChangesUser() bool {
	return i != UserNamespace && os.Geteuid() == 0
}
