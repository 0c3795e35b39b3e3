//go:build linux

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// Process is a process of a container: its main one, or one that was executed
// in it later.
type Process struct {
	command   *exec.Cmd
	container string
	starter   *Starter

	done chan struct{}
	code int // readable once done is closed
}

// PID gives the process ID, which is also its group's and session's.
func (p *Process) PID() int { return p.command.Process.Pid }

// Done is closed when the process has ended. Processes that it left may live on.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode gives the exit code, 128 plus the number of the signal that ended it.
// Call it when Done is closed.
func (p *Process) ExitCode() int { return p.code }

// Signal sends a signal to the process alone, as a container runtime does. A
// process that has ended takes it silently.
func (p *Process) Signal(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal)
}

// Kill ends the process and all its descendants at once, without waiting.
func (p *Process) Kill() {
	p.starter.tracker.killTree(p.PID())
	_ = p.command.Process.Kill()
}

func (p *Process) wait() {
	// Not Cmd.Wait, which may close files that are the caller's.
	state, err := p.command.Process.Wait()
	p.code = exitCode(state, err)
	p.starter.tracker.ended(p.PID())
	close(p.done)
}

func exitCode(state *os.ProcessState, err error) int {
	const unknown = 255
	if err != nil {
		return unknown
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return unknown
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
