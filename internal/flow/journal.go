package flow

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Journal keeps the events of a run in <dir>/runs/<run>.jsonl, one JSON document
// a line, appended and synced. It serves one run at a time.
type Journal struct {
	dir string

	mu   sync.Mutex
	file *os.File
	err  error
}

// NewJournal keeps runs under the environment's state directory dir. Nothing is
// made until a run starts.
func NewJournal(dir string) *Journal { return &Journal{dir: dir} }

// RunsDir is where an environment's journals and reports are.
func RunsDir(dir string) string { return filepath.Join(dir, "runs") }

func (j *Journal) open(run string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := os.MkdirAll(RunsDir(j.dir), 0o700); err != nil {
		return unusable(j.dir, err)
	}
	path := filepath.Join(RunsDir(j.dir), run+".jsonl")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return unusable(j.dir, err)
	}
	j.file, j.err = file, nil
	return nil
}

// Observe appends event. What it cannot write ends the journal, not the run: see Err.
func (j *Journal) Observe(event Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil || j.err != nil {
		return
	}
	line, err := json.Marshal(event)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	// What is said along the way outlives the process without a sync; only what
	// decides how a run is taken up must outlive the machine.
	if err == nil && event.Kind != StepWaiting && event.Kind != StepInfo {
		err = j.file.Sync()
	}
	if err != nil {
		j.err = fmt.Errorf("write journal: %w", err)
	}
}

// Err is the first error of writing, if any.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

func (j *Journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return
	}
	if err := j.file.Close(); err != nil && j.err == nil {
		j.err = fmt.Errorf("close journal: %w", err)
	}
	j.file = nil
}
