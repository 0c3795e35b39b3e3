//go:build linux

package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	criclient "k8s.io/cri-client/pkg"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
)

// maxSyncOutput is how much of each stream ExecSync keeps, in bytes.
const maxSyncOutput = 16 << 20

// startExec starts another process in a container: with the same user, mounts,
// environment and directory, but in namespaces of its own that are made alike. To
// enter those of the container is not possible for a program with threads.
func (r *Runtime) startExec(ctx context.Context, id string, command []string, streams streamFiles) (*process.Process, error) {
	c, err := r.running(id)
	if err != nil {
		return nil, err
	}
	line, err := resolveCommand(c.image.Image, c.substituted(command))
	if err != nil {
		return nil, err
	}
	return r.starter.Start(ctx, r.request(c, line, streams))
}

// ExecSync executes a command and gives its output. Its errors are those that the
// kubelet's probes and hooks tell apart: utilexec.CodeExitError for an exit code
// other than 0, ErrCommandTimedOut for a timeout; 0 is no timeout.
func (r *Runtime) ExecSync(ctx context.Context, id string, command []string, timeout time.Duration) (stdout, stderr []byte, err error) {
	limit, cancel := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		limit, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	var out, errOut limitedBuffer
	code, err := r.exec(limit, id, command, execStreams{out: &out, err: &errOut})
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = fmt.Errorf("%w: %q timed out after %s", criclient.ErrCommandTimedOut, strings.Join(command, " "), timeout)
	case err == nil && code != 0:
		err = utilexec.CodeExitError{
			Err:  fmt.Errorf("command %q exited with %d: %s", strings.Join(command, " "), code, errOut.Bytes()),
			Code: code,
		}
	}
	return out.Bytes(), errOut.Bytes(), err
}

// Exec serves `kubectl exec`.
func (s *streams) Exec(ctx context.Context, id string, command []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	streams := execStreams{in: in, tty: tty, resize: resize}
	if out != nil { // a nil stream must not become a writer that isn't
		streams.out = out
	}
	if errOut != nil {
		streams.err = errOut
	}
	code, err := s.runtime.exec(ctx, id, command, streams)
	if err == nil && code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit code %d", code), Code: code}
	}
	return err
}

// execStreams are a client's ends; nil ones are not wanted.
type execStreams struct {
	in       io.Reader
	out, err io.Writer
	tty      bool
	resize   <-chan remotecommand.TerminalSize
}

// exec runs a command to its end and gives its exit code. The command is killed
// when ctx ends or the client goes.
func (r *Runtime) exec(ctx context.Context, id string, command []string, client execStreams) (int, error) {
	c, err := r.running(id)
	if err != nil {
		return 0, err
	}
	var p plumbing
	defer p.close()
	if err := p.connect(c, client); err != nil {
		return 0, fmt.Errorf("execute in a container: %w", err)
	}
	proc, err := r.startExec(ctx, id, command, p.ends)
	if err != nil {
		return 0, err
	}
	p.ends.close()
	gone := p.run(client, proc)
	select {
	case <-proc.Done():
	case <-gone:
		proc.Kill()
	case <-c.done: // it ended while the command started
		proc.Kill()
	case <-ctx.Done():
		proc.Kill()
	}
	<-proc.Done()
	p.drain()
	if ctx.Err() != nil {
		return 0, fmt.Errorf("execute in a container: %w", ctx.Err())
	}
	return proc.ExitCode(), nil
}

// plumbing connects a process's ends with a client's.
type plumbing struct {
	ends    streamFiles
	stdin   *os.File
	master  *os.File
	readers []*os.File
	writers []io.Writer
	copying sync.WaitGroup
}

func (p *plumbing) connect(c *container, client execStreams) error {
	if client.tty {
		master, slave, err := openTerminal(c.user.UID, c.isolation.ChangesUser())
		if err != nil {
			return err
		}
		p.ends = streamFiles{stdin: slave, stdout: slave, stderr: slave, terminal: true}
		p.master = master
		p.stdin = master
		p.add(master, client.out)
		return nil
	}
	if client.in != nil {
		reader, writer, err := os.Pipe()
		if err != nil {
			return err
		}
		p.ends.stdin, p.stdin = reader, writer
	}
	for end, writer := range map[**os.File]io.Writer{&p.ends.stdout: client.out, &p.ends.stderr: client.err} {
		if writer == nil {
			continue
		}
		reader, pipe, err := os.Pipe()
		if err != nil {
			return err
		}
		*end = pipe
		p.add(reader, writer)
	}
	return nil
}

func (p *plumbing) add(reader *os.File, writer io.Writer) {
	if writer == nil {
		writer = io.Discard
	}
	p.readers = append(p.readers, reader)
	p.writers = append(p.writers, writer)
}

// run starts to copy. The channel tells that the client has gone.
func (p *plumbing) run(client execStreams, proc *process.Process) <-chan struct{} {
	gone := make(chan struct{})
	var once sync.Once
	for i, reader := range p.readers {
		p.copying.Go(func() {
			if copyOutput(p.writers[i], reader) != nil {
				once.Do(func() { close(gone) })
			}
		})
	}
	if client.in != nil && p.stdin != nil {
		go func() {
			_, _ = io.Copy(p.stdin, client.in)
			if p.master == nil {
				_ = p.stdin.Close()
				return
			}
			// Input of a terminal ends only when its client does.
			proc.Signal(unix.SIGHUP)
		}()
	}
	if p.master != nil && client.resize != nil {
		go resizeTerminal(p.master, client.resize, proc.Done())
	}
	return gone
}

// copyOutput fails only for the writer: that the reader ends is as it should be.
func copyOutput(writer io.Writer, reader io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, readErr := reader.Read(buffer)
		if n > 0 {
			if _, err := writer.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if readErr != nil {
			return nil //nolint:nilerr // a terminal ends with EIO, a deadline with another
		}
	}
}

// drain waits for the output of a process that has ended. A daemon that it left
// may hold the pipes open, so there is a limit.
func (p *plumbing) drain() {
	deadline := time.Now().Add(drainTimeout)
	for _, reader := range p.readers {
		_ = reader.SetReadDeadline(deadline)
	}
	p.copying.Wait()
}

func (p *plumbing) close() {
	p.ends.close()
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	for _, reader := range p.readers {
		_ = reader.Close()
	}
}

// limitedBuffer keeps the beginning of what is written, and takes the rest in
// silence, so that the command goes on.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxSyncOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
