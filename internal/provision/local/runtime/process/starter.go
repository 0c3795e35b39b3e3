//go:build linux

// Package process starts the processes of containers, knows which process belongs
// to which container, and leaves none behind.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// startTimeout bounds the making of namespaces and mounts, which touches file
// systems that may hang.
const startTimeout = 30 * time.Second

// Starter starts processes that die with this one.
type Starter struct {
	shim    []string
	tracker *tracker
	starts  chan func()
	stop    chan struct{}
	closing sync.Once
	stopped sync.WaitGroup
}

// NewStarter makes a Starter. shimCommand is the program and arguments that run
// shim.Main. It makes this process the reaper of its orphaned descendants.
func NewStarter(shimCommand []string) (*Starter, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the reaper of orphans: %w", err)
	}
	s := &Starter{
		shim:    shimCommand,
		tracker: newTracker(),
		starts:  make(chan func()),
		stop:    make(chan struct{}),
	}
	s.stopped.Go(s.startLoop)
	s.stopped.Go(s.reapLoop)
	return s, nil
}

// Close ends the Starter, and with it every process that it started and that is
// still there. Closing twice is harmless.
func (s *Starter) Close() {
	s.closing.Do(func() { close(s.stop) })
	s.stopped.Wait()
}

// startLoop owns an operating system thread: a child gets its death signal when
// the thread that made it ends, so that thread must last. See golang/go#27505.
func (s *Starter) startLoop() {
	runtime.LockOSThread() // never unlocked: the thread ends with the loop
	for {
		select {
		case start := <-s.starts:
			start()
		case <-s.stop:
			return
		}
	}
}

const reapInterval = 2 * time.Second

func (s *Starter) reapLoop() {
	ticker := time.NewTicker(reapInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.tracker.reap()
		case <-s.stop:
			return
		}
	}
}

// Request is a process to start.
type Request struct {
	// Container is the ID of the container that the process belongs to.
	Container string
	// Spec is completed with the parent and, where it is the process's to change,
	// the user.
	Spec      shim.Spec
	Isolation Isolation
	User      shim.User
	// Stdin and the others stay the caller's to close; nil is /dev/null.
	Stdin, Stdout, Stderr *os.File
	// Terminal makes Stdin the controlling terminal.
	Terminal bool
}

// Start starts the process and returns once it has become its program. The error
// is the shim's where that failed, for example on a program that isn't there.
func (s *Starter) Start(ctx context.Context, request Request) (*Process, error) {
	request.Spec.Parent = os.Getpid()
	if request.Isolation.ChangesUser() {
		request.Spec.User = &request.User
	}
	specReader, specWriter, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	defer closeAll(specReader, specWriter)
	reportReader, reportWriter, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	defer closeAll(reportReader, reportWriter)

	command := exec.Command(s.shim[0], s.shim[1:]...) //nolint:noctx // it outlives the request
	command.Env = []string{}
	command.ExtraFiles = []*os.File{specReader, reportWriter} // shim.SpecFD, shim.ReportFD
	setStreams(command, request)
	command.SysProcAttr = request.Isolation.attributes(request.User)
	if request.Terminal {
		command.SysProcAttr.Setctty = true
	}
	process, err := s.fork(ctx, command, request.Container)
	if err != nil {
		return nil, err
	}
	closeAll(specReader, reportWriter)
	if err := handOver(&request.Spec, specWriter, reportReader); err != nil {
		process.Kill()
		<-process.Done()
		return nil, err
	}
	return process, nil
}

func setStreams(command *exec.Cmd, request Request) {
	// A nil *os.File in the interface would not be a nil stream.
	if request.Stdin != nil {
		command.Stdin = request.Stdin
	}
	if request.Stdout != nil {
		command.Stdout = request.Stdout
	}
	if request.Stderr != nil {
		command.Stderr = request.Stderr
	}
}

func (s *Starter) fork(ctx context.Context, command *exec.Cmd, container string) (*Process, error) {
	result := make(chan error, 1)
	start := func() { result <- s.tracker.start(command, container) }
	select {
	case s.starts <- start:
	case <-s.stop:
		return nil, errors.New("start a process: the node is ending")
	case <-ctx.Done():
		return nil, fmt.Errorf("start a process: %w", ctx.Err())
	}
	if err := <-result; err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	process := &Process{command: command, container: container, starter: s, done: make(chan struct{})}
	go process.wait()
	return process, nil
}

// handOver gives the shim its spec and waits until it has become the program.
func handOver(spec *shim.Spec, specWriter, reportReader *os.File) error {
	deadline := time.Now().Add(startTimeout)
	_ = specWriter.SetWriteDeadline(deadline)
	_ = reportReader.SetReadDeadline(deadline)
	writeErr := json.NewEncoder(specWriter).Encode(spec)
	report, err := io.ReadAll(reportReader)
	switch {
	case len(report) > 0:
		return errors.New(string(report))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("start a process: its file system was not ready within %s", startTimeout)
	case err != nil:
		return fmt.Errorf("start a process: %w", err)
	case writeErr != nil:
		return fmt.Errorf("start a process: %w", writeErr)
	}
	return nil
}

func closeAll(files ...*os.File) {
	for _, file := range files {
		_ = file.Close() // closing twice is harmless
	}
}
