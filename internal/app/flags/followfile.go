package flags

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// content is what was found where the file should be.
type content struct {
	data []byte
	err  error
}

func look(path string) content {
	data, err := readFile(path)
	return content{data, err}
}

func (c content) rules() (*ruleset, error) {
	if c.err != nil {
		return nil, c.err
	}
	return parse(c.data)
}

// key tells contents apart.
func (c content) key() string {
	if c.err != nil {
		return "error: " + c.err.Error()
	}
	digest := sha256.Sum256(c.data)
	return string(digest[:])
}

// followFile reads the file when it changes. It watches the directory, not the
// file: editors rename a new file over the old one, and Kubernetes swaps a link
// beside the one that the path goes through. What it can't see it finds at the
// next poll.
func (f *Flags) followFile(ctx context.Context) {
	directory := filepath.Dir(f.options.Path)
	var events <-chan fsnotify.Event
	var failures <-chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		events, failures = watcher.Events, watcher.Errors
	} else {
		f.options.Logger.Warn("changes of the file of feature flags are found by looking alone", zap.Duration("every", f.options.FilePoll), zap.Error(err))
	}
	watch := func() {
		if watcher != nil {
			_ = watcher.Add(directory) // again, as it may have been made anew; polls go on if it can't be
		}
	}
	watch()
	poll := time.NewTicker(f.options.FilePoll)
	defer poll.Stop()
	settled := time.NewTimer(0) // it may have changed since New
	defer settled.Stop()
	waiting, candidate := true, ""
	settle := func() {
		if !waiting { // and never longer, or a busy directory would put it off for ever
			waiting = true
			settled.Reset(f.options.Settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			settle()
		case <-failures: //nolint:errcheck // events were lost, whatever the reason
			settle()
		case <-poll.C:
			watch()
			settle()
		case <-settled.C:
			waiting = false
			if candidate = f.lookAgain(candidate); candidate != "" {
				settle()
			}
		}
	}
}

// lookAgain takes the file's content once it is the candidate: what it was the
// last time. It gives the next candidate, "" if nothing has changed.
func (f *Flags) lookAgain(candidate string) string {
	found := look(f.options.Path)
	key := found.key()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch key {
	case f.seen:
		return ""
	case candidate:
		f.seen = key
		f.take(found)
		return ""
	}
	return key
}

// take puts a new content in force, if it can be. The mutex is held.
func (f *Flags) take(found content) {
	rules, err := found.rules()
	if err == nil {
		f.rules = rules.over(f.builtIn)
		f.status.Revision, f.status.FileReadAt = rules.revision, time.Now()
		f.rebuild()
	}
	f.setFileError(err)
}
