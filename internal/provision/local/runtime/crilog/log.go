// Package crilog writes a container's output as the kubelet expects to read it:
// one line each of "time stream tag content", where the tag is F for a full line
// and P for a part of one.
package crilog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// MaxLine is the longest piece, in bytes, that is written as one line.
const MaxLine = 16 << 10

// The two streams of a container.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Log is one container's log file. It is safe for concurrent use.
type Log struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	file    *os.File
	pending map[string][]byte // by stream: a line that has not ended yet
	lost    bool              // a write came short: the next one starts a new line
}

// Open makes the file and its directory, or appends to it. now gives the time of
// each line.
func Open(path string, now func() time.Time) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as the kubelet makes it
		return nil, fmt.Errorf("make the log's directory: %w", err)
	}
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return &Log{path: path, now: now, file: file, pending: map[string][]byte{}}, nil
}

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return file, nil
}

// Write adds output of a stream. A full disk loses output rather than stopping
// the container, so there is no error.
func (l *Log) Write(stream string, output []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.pending[stream]
	var out bytes.Buffer
	for len(output) > 0 {
		room := MaxLine - len(line)
		end := bytes.IndexByte(output, '\n')
		switch {
		case end >= 0 && end <= room:
			l.format(&out, stream, 'F', append(line, output[:end]...))
			output, line = output[end+1:], line[:0]
		case len(output) > room:
			l.format(&out, stream, 'P', append(line, output[:room]...))
			output, line = output[room:], line[:0]
		default:
			line = append(line, output...)
			output = nil
		}
	}
	l.pending[stream] = line
	l.flush(out.Bytes())
}

// Reopen goes on in a new file of the same path, after the old was renamed.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := openFile(l.path)
	if err != nil {
		return err
	}
	_ = l.file.Close()
	l.file = file
	return nil
}

// Close writes what is left of unfinished lines and closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out bytes.Buffer
	for _, stream := range []string{Stdout, Stderr} {
		if line := l.pending[stream]; len(line) > 0 {
			l.format(&out, stream, 'F', line)
		}
	}
	l.pending = map[string][]byte{}
	l.flush(out.Bytes())
	return l.file.Close()
}

func (l *Log) format(out *bytes.Buffer, stream string, tag byte, content []byte) {
	fmt.Fprintf(out, "%s %s %c %s\n", l.now().UTC().Format(time.RFC3339Nano), stream, tag, content)
}

func (l *Log) flush(lines []byte) {
	if len(lines) == 0 {
		return
	}
	if l.lost {
		lines = append([]byte{'\n'}, lines...)
	}
	written, err := l.file.Write(lines)
	l.lost = err != nil && written > 0
}
