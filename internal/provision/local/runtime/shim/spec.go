//go:build linux

// Package shim turns a freshly forked process into a container's: it arranges
// mounts, user and limits, then becomes the program, keeping its process ID.
package shim

// Spec says what the process becomes.
type Spec struct {
	// Parent is the process whose death must end this one.
	Parent int
	// Program is the absolute path of the program; empty looks Args[0] up on PATH.
	Program string
	// Alias is where the program is also to be found in the mount namespace, for
	// a user that may not reach its own path. It is left out if taken.
	Alias string
	Args  []string
	Env   []string
	// Directory is the working directory, made in the namespace if it is missing.
	Directory string
	// User is nil to keep the node's own, or that of the user namespace.
	User            *User
	NoNewPrivileges bool
	// OOMScoreAdjust is the kernel's -1000..1000; what may not be set is left.
	OOMScoreAdjust int64
	// Root builds a file system for a process with a mount namespace of its own;
	// nil leaves the machine's.
	Root *Root
	// Probe ends after the file system is built, to see whether it can be.
	Probe bool
}

// User is who the program runs as.
type User struct {
	UID, GID int
	Groups   []int
}

// Root is the view of the machine's file system that the program gets.
type Root struct {
	// Directory is an empty directory to build on. Nothing is written to it.
	Directory string
	// Label names the root's mount, so that its processes can be recognised.
	Label string
	// Hostname is set if it isn't empty; that takes a UTS namespace.
	Hostname string
	Mounts   []Mount
	ReadOnly bool
}

// Mount shows a file or directory of the machine at another path.
type Mount struct {
	Source   string
	Target   string
	ReadOnly bool
}
