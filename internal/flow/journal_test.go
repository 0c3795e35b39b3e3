package flow

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestJournalKeepsEveryEvent(t *testing.T) {
	dir := t.TempDir()
	seen := &recorder{}
	_, err := Run(t.Context(), []Step{step("a/b", func(_ context.Context, log *Log) error {
		log.Waiting("the moon")
		log.Info("a line\nof two")
		return nil
	})}, Options{Env: "local", Command: "up", Journal: NewJournal(dir), Observers: []Observer{seen}, NewID: func() string { return "01" }})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readFile(filepath.Join(dir, "runs", "01.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(seen.events, got); diff != "" {
		t.Error(diff)
	}
}

func TestJournalUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), []Step{step("a/b", fails(0, "never to be run"))}, Options{Journal: NewJournal(file)})
	if got := fault.From(err); got == nil || got.Code != fault.StateDirUnwritable {
		t.Errorf("error %v", err)
	}
}

func TestUnfinished(t *testing.T) {
	const (
		started = `{"time":"2026-01-02T03:04:05Z","kind":"run-started","run":"01","env":"local","command":"up","elapsedSeconds":0}` + "\n"
		a       = `{"kind":"step-started","run":"01","step":"a/1","elapsedSeconds":1}` + "\n"
		b       = `{"kind":"step-started","run":"01","step":"a/2","elapsedSeconds":1}` + "\n"
		aEnded  = `{"kind":"step-ended","run":"01","step":"a/1","status":"passed","elapsedSeconds":2}` + "\n"
		bFailed = `{"kind":"step-ended","run":"01","step":"a/2","status":"failed","elapsedSeconds":3}` + "\n"
		failed  = `{"kind":"run-ended","run":"01","status":"failed","elapsedSeconds":3}` + "\n"
		passed  = `{"kind":"run-ended","run":"01","status":"passed","elapsedSeconds":3}` + "\n"
	)
	base := Past{Run: "01", Env: "local", Command: "up", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	with := func(status Status, killed bool, seconds float64, during ...string) *Past {
		p := base
		p.Status, p.Killed, p.Seconds, p.During = status, killed, seconds, during
		return &p
	}
	for name, test := range map[string]struct {
		journal string
		want    *Past
	}{
		"passed":         {started + a + aEnded + passed, nil},
		"killed":         {started + a + b + aEnded, with(Interrupted, true, 2, "a/2")},
		"torn":           {started + a + b + aEnded[:40], with(Interrupted, true, 1, "a/1", "a/2")},
		"torn to zeros":  {started + a + "\x00\x00\x00\x00\n", with(Interrupted, true, 1, "a/1")},
		"failed":         {started + b + bFailed + failed, with(Failed, false, 3, "a/2")},
		"empty":          {"", nil},
		"nothing useful": {"garbage\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(RunsDir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(RunsDir(dir), "01.jsonl"), []byte(test.journal), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Unfinished(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHistoryOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if runs, err := List(dir); err != nil || len(runs) != 0 {
		t.Errorf("runs %v, error %v", runs, err)
	}
	if run, err := Unfinished(dir); err != nil || run != nil {
		t.Errorf("run %v, error %v", run, err)
	}
}

func TestTypicalAndList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for i, seconds := range []time.Duration{3, 9, 5} {
			id := string(rune('a' + i))
			_, err := Run(t.Context(), []Step{step("a/b", takes(seconds*time.Second))},
				Options{Command: "up", Journal: NewJournal(dir), NewID: func() string { return id }})
			if err != nil {
				t.Fatal(err)
			}
		}
		typical, err := Typical(dir, "up")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]time.Duration{"a/b": 5 * time.Second}, typical); diff != "" {
			t.Error(diff)
		}
		runs, err := List(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, run := range runs {
			names = append(names, run.Run)
		}
		if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReadJournalBadLineInTheMiddle(t *testing.T) {
	events, err := ReadJournal(strings.NewReader("{\"kind\":\"run-started\"}\nbad\n{\"kind\":\"run-ended\"}\n"))
	if len(events) != 1 || err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("events %v, error %v", events, err)
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add("{\"kind\":\"run-started\",\"run\":\"01\"}\n{\"kind\":\"step-ended\",\"step\":\"a/b\",\"seconds\":1.5}\n", 50)
	f.Add("{}\n\n\x00", 1)
	f.Add("[1]\nnull\n{\"time\":\"x\"}", 9)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		whole, err := ReadJournal(strings.NewReader(text))
		if err != nil || cut < 0 || cut > len(text) {
			return
		}
		// Wherever a kill cuts a good journal off, what was there before is read.
		part, err := ReadJournal(strings.NewReader(text[:cut]))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if len(part) > len(whole)+1 {
			t.Fatalf("cut at %d: %d events of %d", cut, len(part), len(whole))
		}
		for i := range min(len(part), len(whole)) {
			if i < len(part)-1 && !cmp.Equal(part[i], whole[i]) {
				t.Fatalf("cut at %d: event %d differs", cut, i)
			}
		}
		if len(part) > 0 {
			past(part)
		}
	})
}
