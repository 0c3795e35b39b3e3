//go:build linux

package process

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/proc"
)

const pollInterval = 5 * time.Millisecond

// KillContainer kills what is left of a container and returns when nothing is.
// The error, when ctx ends first, names what resists.
func (s *Starter) KillContainer(ctx context.Context, container string) error {
	return killUntilNone(ctx, func() []proc.Process { return s.tracker.scan()[container] })
}

// Processes gives the live processes of each container.
func (s *Starter) Processes() map[string][]proc.Process { return s.tracker.scan() }

// Sweep kills the processes of containers whose ID starts with prefix, which a
// node that was killed may have left behind, and returns when none is left.
func Sweep(ctx context.Context, prefix string) error {
	found := map[key]bool{} // a process loses its marks some time before it has ended
	return killUntilNone(ctx, func() []proc.Process {
		processes, err := proc.List()
		if err != nil {
			return nil
		}
		var left []proc.Process
		for _, process := range processes {
			name := key{process.PID, process.Started}
			if !process.Zombie && (found[name] || strings.HasPrefix(mark(process.PID), prefix)) {
				found[name] = true
				left = append(left, process)
			}
		}
		return left
	})
}

func killUntilNone(ctx context.Context, find func() []proc.Process) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		left := find()
		if len(left) == 0 {
			return nil
		}
		for _, process := range left {
			_ = unix.Kill(process.PID, unix.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for process %d to end after SIGKILL: %w", left[0].PID, ctx.Err())
		case <-ticker.C:
		}
	}
}
