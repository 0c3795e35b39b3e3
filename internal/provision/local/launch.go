package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/supervisor"
)

// launch starts a supervisor that outlives this process: a session of its own,
// no terminal, its output in the log.
func launch(c cluster.Cluster) error {
	log, err := os.OpenFile(c.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	defer log.Close()
	command := exec.Command(c.Binary, "supervise", c.Directory) //nolint:noctx // it outlives this command
	command.Dir = c.Directory
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	go func() { _ = command.Wait() }() // it is ours only until this process ends
	return nil
}

// stopSupervisor asks the supervisor on directory to end, and kills it if it
// does not do so before ctx's deadline nears.
func stopSupervisor(ctx context.Context, directory string) error {
	pid, err := supervisor.Holder(directory)
	if err != nil || pid == 0 {
		return err
	}
	descriptor, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop supervisor: %w", err)
	}
	defer unix.Close(descriptor)
	// Between reading the number and opening it the process may have gone.
	if again, err := supervisor.Holder(directory); err != nil || again != pid {
		return err
	}
	if err := unix.PidfdSendSignal(descriptor, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("stop supervisor: %w", err)
	}
	if awaitGone(ctx, descriptor, stopGrace) {
		return nil
	}
	if err := unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill supervisor: %w", err)
	}
	if !awaitGone(context.WithoutCancel(ctx), descriptor, 5*time.Second) {
		return fault.New(fault.LeftBehind, "leftovers", fmt.Sprintf("process %d (pocctl supervise)", pid))
	}
	return nil
}

// stopGrace is the time from asking the supervisor to killing it.
const stopGrace = 25 * time.Second

// awaitGone waits for the process behind the descriptor to end.
func awaitGone(ctx context.Context, descriptor int, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ctx.Err() == nil {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(pollEvery.Milliseconds()))
		if err == nil && ready > 0 {
			return true
		}
	}
	return false
}
