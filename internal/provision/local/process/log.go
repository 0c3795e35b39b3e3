//go:build linux

package process

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	tailLines     = 10
	tailLineBytes = 1024
)

// NewLog opens a log file, readable by its owner alone, that is rotated at
// megabytes and keeps that many older files. The caller closes it.
func NewLog(path string, megabytes, keep int) (io.WriteCloser, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Opened once here, so that a bad path is known now and not at the first line.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return &lumberjack.Logger{Filename: path, MaxSize: megabytes, MaxBackups: keep}, nil
}

// tail remembers the last lines that were written to it.
type tail struct {
	mu      sync.Mutex
	lines   []string
	partial []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	written := len(data)
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		room := max(0, tailLineBytes-len(t.partial))
		t.partial = append(t.partial, line[:min(len(line), room)]...)
		if !whole {
			return written, nil
		}
		t.keep()
		data = rest
	}
}

func (t *tail) keep() {
	line := strings.TrimRight(string(t.partial), "\r ")
	t.partial = t.partial[:0]
	if line == "" {
		return
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

// last gives the lines so far, an unfinished one included.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep()
	return append([]string(nil), t.lines...)
}
