//go:build linux

package process

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/proc"
)

// Variable marks the processes of containers in their environment.
const Variable = "POCCTL_CONTAINER"

// youth is how long a process without marks may yet get them, in clock ticks.
const youth = 200

// labelPrefix starts the label of a container's root mount.
const labelPrefix = "pocctl/"

// Label gives the label of a container's root mount, from which its processes are
// recognised even when they overwrite their environment, as Postgres and Redis do.
func Label(container string) string { return labelPrefix + container }

// tracker knows which process belongs to which container.
type tracker struct {
	self    int
	session int

	mu sync.Mutex
	// started are the children that were started here and not waited for.
	started map[int]string
	// sessions are those that the started children lead, or led: one lasts, and
	// its number with it, as long as a process is in it.
	sessions map[int]string
	// seen remembers what a scan found, so that an orphan is still known after
	// its parent has gone. "" is a process of nobody's.
	seen map[key]string
	// gone are the orphans that had ended at the last reaping.
	gone map[key]bool
}

// key names a process for good, since PIDs are used again.
type key struct {
	pid     int
	started int64
}

func newTracker() *tracker {
	self := os.Getpid()
	session, _ := unix.Getsid(self) // one's own can't fail
	return &tracker{self: self, session: session, started: map[int]string{}, sessions: map[int]string{}, seen: map[key]string{}}
}

// start starts the command under the lock, or else a scan in between could take
// the new child for an orphan.
func (t *tracker) start(command *exec.Cmd, container string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := command.Start(); err != nil {
		return err
	}
	t.started[command.Process.Pid] = container
	t.sessions[command.Process.Pid] = container
	return nil
}

func (t *tracker) ended(pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.started, pid)
}

// scan finds the processes of each container, and reaps those that have ended.
func (t *tracker) scan() map[string][]proc.Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	processes, err := proc.List()
	if err != nil {
		return nil
	}
	return t.attribute(processes)
}

func (t *tracker) attribute(processes []proc.Process) map[string][]proc.Process {
	table := make(map[int]proc.Process, len(processes))
	for _, process := range processes {
		table[process.PID] = process
	}
	owners := make(map[int]string, len(processes))
	seen := make(map[key]string, len(processes))
	found := map[string][]proc.Process{}
	sessions := maps.Clone(t.started)
	grown := proc.Now() - youth
	for _, process := range processes {
		owner := t.owner(process, table, owners)
		// While a process becomes another program, its marks are away: one so young
		// is asked again.
		if owner != "" || process.Started < grown {
			seen[key{process.PID, process.Started}] = owner
		}
		if leader := process.Session; owner != "" && owner == t.sessions[leader] {
			sessions[leader] = owner
		}
		switch {
		case owner == "":
		case !process.Zombie:
			found[owner] = append(found[owner], process)
		case t.orphaned(process): // and certainly not another's to wait for
			_, _ = unix.Wait4(process.PID, nil, unix.WNOHANG, nil)
		}
	}
	t.seen, t.sessions = seen, sessions
	return found
}

// orphaned tells whether this process inherited the other. It only waits for
// those: what other code started here is that code's to wait for. Such a child is
// in this session, which a container's process has left and can't enter again.
func (t *tracker) orphaned(process proc.Process) bool {
	_, started := t.started[process.PID]
	return process.Parent == t.self && process.Session != t.session && !started
}

func (t *tracker) owner(process proc.Process, table map[int]proc.Process, owners map[int]string) string {
	if owner, known := owners[process.PID]; known {
		return owner
	}
	owners[process.PID] = "" // a loop can't be, but must not hang
	owner := t.findOwner(process, table, owners)
	owners[process.PID] = owner
	return owner
}

func (t *tracker) findOwner(process proc.Process, table map[int]proc.Process, owners map[int]string) string {
	if container, started := t.started[process.PID]; started {
		return container
	}
	if process.PID == t.self {
		return ""
	}
	if container, ours := t.sessions[process.Session]; ours {
		_, alive := table[process.Session]
		_, started := t.started[process.Session]
		if started || !alive { // or else the number is another's by now
			return container
		}
	}
	if parent, known := table[process.Parent]; known && parent.PID != t.self {
		if owner := t.owner(parent, table, owners); owner != "" {
			return owner
		}
	}
	if owner, known := t.seen[key{process.PID, process.Started}]; known {
		return owner
	}
	if process.Session == t.session || process.Zombie {
		return ""
	}
	return mark(process.PID)
}

// mark reads a process's container from itself.
func mark(pid int) string {
	if container, labelled := strings.CutPrefix(proc.RootSource(pid), labelPrefix); labelled {
		return container
	}
	return proc.Variable(pid, Variable)
}

// reap takes note of who is whose, and waits for orphans of unknown origin that
// have ended. It does so the second time that it meets one: if it is the child of
// other code here, that has waited for it by then.
func (t *tracker) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	processes, err := proc.List()
	if err != nil {
		return
	}
	t.attribute(processes)
	gone := map[key]bool{}
	for _, process := range processes {
		if !process.Zombie || !t.orphaned(process) {
			continue
		}
		name := key{process.PID, process.Started}
		if t.gone[name] {
			_, _ = unix.Wait4(process.PID, nil, unix.WNOHANG, nil)
		}
		gone[name] = true
	}
	t.gone = gone
}

// killTree kills a process, its session and its descendants.
func (t *tracker) killTree(pid int) {
	processes, err := proc.List()
	if err != nil {
		return
	}
	children := map[int][]int{}
	for _, process := range processes {
		if process.Session == pid {
			_ = unix.Kill(process.PID, unix.SIGKILL)
		}
		children[process.Parent] = append(children[process.Parent], process.PID)
	}
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		_ = unix.Kill(queue[0], unix.SIGKILL)
		queue = append(queue, children[queue[0]]...)
	}
}
