//go:build linux

package postgres

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// nobody has an entry in the user database of every Linux.
const nobody = 65534

// knownUser lets initdb run as a user without an entry in the machine's user
// database, as users of containers are: initdb refuses them. In a user namespace
// of its own it sees itself as nobody; what it writes is still this user's.
func knownUser(command *exec.Cmd) {
	uid := os.Geteuid()
	if _, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return
	}
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: uid, Size: 1}}
	command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}}
}
