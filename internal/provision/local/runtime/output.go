//go:build linux

package runtime

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/crilog"
)

// drainTimeout is how long output may stay open after a process has ended: what
// holds it then is a process that got away.
const drainTimeout = 2 * time.Second

// streamFiles are the ends that a process gets. A nil one is /dev/null.
type streamFiles struct {
	stdin, stdout, stderr *os.File
	terminal              bool
}

func (s streamFiles) close() {
	for _, file := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// output carries a container's output to its log and to those attached.
type output struct {
	streams streamFiles // closed once the process has them
	log     *crilog.Log // nil for none

	stdin    *os.File // nil for none; the terminal for a terminal
	terminal *os.File // nil for none
	readers  map[string]*os.File
	attached map[string]*broadcast
	copying  sync.WaitGroup
	closing  sync.Once
}

// openOutput makes the pipes, or the terminal, and the log of a container.
func (r *Runtime) openOutput(c *container) (*output, error) {
	out := &output{
		readers:  map[string]*os.File{},
		attached: map[string]*broadcast{crilog.Stdout: {}, crilog.Stderr: {}},
	}
	err := out.open(c.config.GetTty(), c.config.GetStdin(), c.user.UID, c.isolation.ChangesUser())
	if err == nil && c.logPath != "" {
		out.log, err = crilog.Open(c.logPath, r.options.Now)
	}
	if err != nil {
		out.discard()
		return nil, fmt.Errorf("start a container: %w", err)
	}
	return out, nil
}

func (o *output) open(terminal, stdin bool, uid int, giveTerminal bool) error {
	if terminal {
		return o.openTerminal(uid, giveTerminal)
	}
	if stdin {
		reader, writer, err := os.Pipe()
		if err != nil {
			return err
		}
		o.streams.stdin, o.stdin = reader, writer
	}
	for stream, end := range map[string]**os.File{crilog.Stdout: &o.streams.stdout, crilog.Stderr: &o.streams.stderr} {
		reader, writer, err := os.Pipe()
		if err != nil {
			return err
		}
		o.readers[stream], *end = reader, writer
	}
	return nil
}

func (o *output) openTerminal(uid int, give bool) error {
	master, slave, err := openTerminal(uid, give)
	if err != nil {
		return err
	}
	o.streams = streamFiles{stdin: slave, stdout: slave, stderr: slave, terminal: true}
	o.terminal, o.stdin = master, master
	o.readers[crilog.Stdout] = master
	return nil
}

// run starts to carry output, once the process has its ends.
func (o *output) run() {
	o.streams.close()
	for stream, reader := range o.readers {
		o.copying.Go(func() { o.carry(stream, reader) })
	}
}

func (o *output) carry(stream string, reader *os.File) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := reader.Read(buffer)
		if n > 0 {
			if o.log != nil {
				o.log.Write(stream, buffer[:n])
			}
			o.attached[stream].send(buffer[:n])
		}
		if err != nil { // a terminal ends with EIO
			o.attached[stream].close()
			return
		}
	}
}

// finish waits until the output of a process that has ended is carried over.
func (o *output) finish() {
	if o.stdin != nil && o.terminal == nil {
		o.closeStdin()
	}
	deadline := time.Now().Add(drainTimeout)
	for _, reader := range o.readers {
		_ = reader.SetReadDeadline(deadline)
	}
	o.copying.Wait()
	o.closeReaders()
	if o.log != nil {
		_ = o.log.Close()
	}
}

// discard takes everything back when the process did not start.
func (o *output) discard() {
	o.streams.close()
	if o.stdin != nil {
		o.closeStdin()
	}
	o.closeReaders()
	if o.log != nil {
		_ = o.log.Close()
	}
}

func (o *output) closeReaders() {
	for _, reader := range o.readers {
		_ = reader.Close()
	}
}

func (o *output) closeStdin() {
	o.closing.Do(func() { _ = o.stdin.Close() })
}
