//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Phase is where a supervised child is in its life.
type Phase string

// The phases, in the order of a life.
const (
	Starting Phase = "starting"
	Running  Phase = "running"
	Exited   Phase = "exited"  // on its own; it is started again after RetryIn
	Stopped  Phase = "stopped" // because it was told to; the last state
)

// State is what Notify is told.
type State struct {
	Name     string
	Phase    Phase
	PID      int           // of the running child, or of the one that just exited
	Restarts int           // starts after the first
	Exit     string        // how it ended: "exit status 1", "signal: killed", or why it could not start
	Lines    []string      // the last lines it wrote, oldest first
	RetryIn  time.Duration // in Exited: the wait before the next start
}

// Options of a supervised child.
type Options struct {
	// Name of the child in its states.
	Name string
	// Command makes a fresh command for each start.
	Command func() (*exec.Cmd, error)
	// Spawner starts it.
	Spawner *Spawner
	// Log takes the output of the child, both streams; nil drops it.
	Log io.Writer
	// StopSignal asks the child to end; default SIGTERM.
	StopSignal syscall.Signal
	// Grace is the time from StopSignal to SIGKILL; default 10 s.
	Grace time.Duration
	// Backoff between starts.
	Backoff Backoff
	// Notify is told each state, in order, and must not block; may be nil.
	Notify func(State)
}

// drain bounds the wait for output that a grandchild keeps open.
const drain = 2 * time.Second

// Supervise keeps the child running until the context ends; then it stops the
// child and its whole process group, and returns when they are gone.
func Supervise(ctx context.Context, options Options) {
	state := State{Name: options.Name}
	notify := func(phase Phase) {
		state.Phase = phase
		if options.Notify != nil {
			options.Notify(state)
		}
	}
	for ctx.Err() == nil {
		state.PID, state.Exit, state.Lines, state.RetryIn = 0, "", nil, 0
		notify(Starting)
		begun := time.Now()
		lines := &tail{}
		err := options.once(ctx, lines, func(pid int) {
			state.PID = pid
			notify(Running)
		})
		state.Exit, state.Lines = describe(err), lines.last()
		if ctx.Err() != nil {
			break
		}
		state.RetryIn = options.Backoff.Next(time.Since(begun))
		notify(Exited)
		select {
		case <-ctx.Done():
		case <-time.After(state.RetryIn):
			state.Restarts++
		}
	}
	notify(Stopped)
}

// once runs the child from start to end.
func (o Options) once(ctx context.Context, lines *tail, running func(pid int)) error {
	command, err := o.Command()
	if err != nil {
		return err
	}
	var output io.Writer = lines
	if o.Log != nil {
		output = io.MultiWriter(o.Log, lines)
	}
	command.Stdout, command.Stderr = output, output
	command.WaitDelay = drain
	if err := o.Spawner.Start(command); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	running(command.Process.Pid)

	// The child is reaped below and nowhere else: until then neither its number
	// nor its group's can belong to another.
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(command.Process.Pid)
	}()
	select {
	case <-exited:
	case <-ctx.Done():
		o.stop(command.Process, exited)
	}
	killGroup(command.Process.Pid)
	return command.Wait()
}

func (o Options) stop(child *os.Process, exited <-chan struct{}) {
	signal := o.StopSignal
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	_ = child.Signal(signal) // it may be gone already
	select {
	case <-exited:
	case <-time.After(orDefault(o.Grace, 10*time.Second)):
		killGroup(child.Pid)
		<-exited
	}
}

// awaitExit blocks until the child has ended, and leaves it unreaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func killGroup(pid int) { _ = unix.Kill(-pid, unix.SIGKILL) }

func describe(err error) string {
	switch {
	case err == nil:
		return "exit status 0"
	case errors.Is(err, exec.ErrWaitDelay):
		return "exit status 0, its output kept open by a process of its own"
	default:
		return err.Error()
	}
}
