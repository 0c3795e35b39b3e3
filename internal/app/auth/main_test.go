package auth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is one that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

// watcher is an Observer that keeps what it is told.
type watcher struct {
	mutex   sync.Mutex
	results []string
	fetches []error
}

func (w *watcher) TokenChecked(result string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.results = append(w.results, result)
}

func (w *watcher) KeysFetched(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.fetches = append(w.fetches, err)
}

// take gives the results since it was last asked.
func (w *watcher) take() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	results := w.results
	w.results = nil
	return results
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("it never came: %s", what)
		}
	}
}
