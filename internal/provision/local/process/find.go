//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Found is a running process, held by a descriptor that no other process can
// come to stand for. Close it.
type Found struct {
	PID     int
	Command string // its command line, shortened

	descriptor int
}

// Close lets go of the process; it runs on.
func (f Found) Close() { _ = unix.Close(f.descriptor) }

// Find lists the processes of this user that have marker, a NAME=value pair, in
// their environment, and all that descend from them: Postgres, for one, writes
// its title over the environment of its children. This process is left out, and
// so are those that have ended and wait for their parent.
func Find(marker string) ([]Found, error) {
	if !strings.Contains(marker, "=") {
		return nil, fmt.Errorf("find processes: %q is no NAME=value pair", marker)
	}
	parents, err := processes()
	if err != nil {
		return nil, fmt.Errorf("find processes: %w", err)
	}
	marked := map[int]bool{}
	for pid := range parents {
		if hasMarker(pid, marker) {
			marked[pid] = true
		}
	}
	var found []Found
	for pid := range parents {
		if pid == os.Getpid() || !descends(pid, parents, marked) {
			continue
		}
		process, err := hold(pid, parents[pid], marked[pid], marker)
		switch {
		case errors.Is(err, errGone):
		case err != nil:
			release(found)
			return nil, fmt.Errorf("find processes: %w", err)
		default:
			found = append(found, process)
		}
	}
	return found, nil
}

// Kill kills what Find finds, again and again until there is nothing. It fails
// with the names of the survivors when the context ends first.
func Kill(ctx context.Context, marker string) error {
	for {
		found, err := Find(marker)
		if err != nil || len(found) == 0 {
			return err
		}
		err = killAll(ctx, found)
		release(found)
		if err != nil {
			return err
		}
	}
}

func killAll(ctx context.Context, found []Found) error {
	for _, process := range found {
		err := unix.PidfdSendSignal(process.descriptor, unix.SIGKILL, nil, 0)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("kill process %d (%s): %w", process.PID, process.Command, err)
		}
	}
	for _, process := range found {
		for !process.ended(50 * time.Millisecond) {
			if ctx.Err() != nil {
				return fmt.Errorf("wait for process %d (%s) to end: %w", process.PID, process.Command, ctx.Err())
			}
		}
	}
	return nil
}

// ended waits at most that long for the process to end. A descriptor becomes
// readable then, whether or not the parent has reaped the process.
func (f Found) ended(wait time.Duration) bool {
	set := []unix.PollFd{{Fd: int32(f.descriptor), Events: unix.POLLIN}}
	ready, err := unix.Poll(set, int(wait.Milliseconds()))
	return err == nil && ready > 0
}

var errGone = errors.New("the process has ended")

// hold opens the process, then looks again whether it is still the one that was
// meant: between listing and opening the number may have gone to another.
func hold(pid, parent int, marked bool, marker string) (Found, error) {
	descriptor, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return Found{}, errGone
	}
	if err != nil {
		return Found{}, fmt.Errorf("open process %d: %w", pid, err)
	}
	found := Found{PID: pid, Command: commandLine(pid), descriptor: descriptor}
	now, err := parentOf(pid)
	same := err == nil && now == parent
	if marked {
		same = hasMarker(pid, marker)
	}
	if !same || found.ended(0) {
		found.Close()
		return Found{}, errGone
	}
	return found, nil
}

func release(found []Found) {
	for _, process := range found {
		process.Close()
	}
}

// processes maps each process to its parent.
func processes() (map[int]int, error) {
	directories, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int, len(directories))
	for _, directory := range directories {
		pid, err := strconv.Atoi(directory.Name())
		if err != nil {
			continue
		}
		if parent, err := parentOf(pid); err == nil {
			parents[pid] = parent
		}
	}
	return parents, nil
}

func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0, err
	}
	// "pid (name) state parent ...", and the name may hold spaces and brackets.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the parent of process %d", pid)
	}
	return strconv.Atoi(fields[1])
}

func hasMarker(pid int, marker string) bool {
	environment, err := os.ReadFile(procFile(pid, "environ"))
	if err != nil {
		return false // another user's, or gone
	}
	for entry := range bytes.SplitSeq(environment, []byte{0}) {
		if string(entry) == marker {
			return true
		}
	}
	return false
}

// descends says whether a process or one of its ancestors is marked.
func descends(pid int, parents map[int]int, marked map[int]bool) bool {
	// Bounded, as the listing is no snapshot and could hold a circle.
	for range len(parents) {
		if marked[pid] {
			return true
		}
		parent, known := parents[pid]
		if !known {
			return false
		}
		pid = parent
	}
	return false
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(procFile(pid, "cmdline"))
	shown := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	if len(shown) > 120 {
		shown = shown[:120] + "…"
	}
	return shown
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
