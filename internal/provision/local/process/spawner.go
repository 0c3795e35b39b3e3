//go:build linux

// Package process starts, watches and finds the long-lived processes of the
// local environment. No child of it outlives the process that started it.
package process

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// ErrClosed is what Start answers after Close.
var ErrClosed = errors.New("the spawner is closed")

// Spawner starts children that the kernel kills when this process dies. The
// kernel ties that to the thread that forked, not to the process
// (golang/go#27505), so all children come from one thread that is never given
// back. The zero value is not usable: take NewSpawner.
type Spawner struct {
	requests chan request
	closing  chan struct{}
	once     sync.Once
}

type request struct {
	command *exec.Cmd
	result  chan error
}

// NewSpawner makes a Spawner and its thread.
func NewSpawner() *Spawner {
	s := &Spawner{requests: make(chan request), closing: make(chan struct{})}
	go s.serve()
	return s
}

// Start starts the command in a process group of its own, to be killed when
// this process dies. Other attributes of the command are kept.
func (s *Spawner) Start(command *exec.Cmd) error {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL

	asked := request{command: command, result: make(chan error, 1)}
	select {
	case s.requests <- asked:
		return <-asked.result
	case <-s.closing:
		return ErrClosed
	}
}

// Close ends the thread. Stop the children first: those that still run are
// killed with it.
func (s *Spawner) Close() { s.once.Do(func() { close(s.closing) }) }

func (s *Spawner) serve() {
	// Returning without unlocking ends the thread instead of pooling it.
	runtime.LockOSThread()
	for {
		select {
		case asked := <-s.requests:
			asked.result <- asked.command.Start()
		case <-s.closing:
			return
		}
	}
}
