package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// transcript collects what is written to a pty.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await polls until the transcript has what, and fails the test if it never does.
func (s *transcript) await(t *testing.T, what string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(s.String(), what) {
		if time.Now().After(deadline) {
			text := s.String()
			t.Errorf("waited for %q; the end of what came:\n%q", what, text[max(0, len(text)-2000):])
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func openPTY(t *testing.T) (keyboard, tty *os.File, seen *transcript) {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close(); _ = keyboard.Close() })
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	seen = &transcript{}
	go func() { _, _ = io.Copy(seen, keyboard) }()
	return keyboard, tty, seen
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestLiveView(t *testing.T) {
	_, tty, seen := openPTY(t)
	screen := New(Options{Out: tty, In: tty, Getenv: environment("TERM", "xterm")})
	for _, event := range running() {
		event.Time = time.Now()
		screen.Observe(event)
	}
	seen.await(t, hideCursor)
	seen.await(t, "statefulset postgres") // by the ticker, not by an event
	screen.Observe(at(5, flow.Event{Kind: flow.StepInfo, Step: "deploy/postgres", Message: "a note"}))
	seen.await(t, "a note")
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	// 39 columns, less the count and the space before it.
	seen.await(t, "\n\x1b[36m"+strings.Repeat("━", 13)+"\x1b[m\x1b[2m"+strings.Repeat("─", 18)+"\x1b[m  ")
	screen.Observe(at(6, flow.Event{Kind: flow.RunEnded, Status: flow.Interrupted, Seconds: 6}))
	seen.await(t, showCursor)
	screen.Close()
	screen.Close()
	if strings.Count(seen.String(), hideCursor) != strings.Count(seen.String(), showCursor) {
		t.Error("the cursor was not given back as often as it was taken")
	}
}

func TestModes(t *testing.T) {
	_, tty, _ := openPTY(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, test := range map[string]struct {
		options Options
		mode    mode
		color   bool
	}{
		"terminal":      {Options{Out: tty, Getenv: environment("TERM", "xterm")}, live, true},
		"file":          {Options{Out: file, Getenv: environment("TERM", "xterm")}, plain, false},
		"dumb":          {Options{Out: tty, Getenv: environment("TERM", "dumb")}, plain, false},
		"CI":            {Options{Out: tty, Getenv: environment("TERM", "xterm", "CI", "true")}, plain, true},
		"NO_COLOR":      {Options{Out: tty, Getenv: environment("NO_COLOR", "1")}, live, false},
		"--no-color":    {Options{Out: tty, NoColor: true, Getenv: environment()}, live, false},
		"asked to":      {Options{Out: tty, Plain: true, Getenv: environment()}, plain, true},
		"quiet":         {Options{Out: tty, Quiet: true, Plain: true, Getenv: environment()}, quiet, true},
		"quiet in file": {Options{Out: file, Quiet: true, Getenv: environment()}, quiet, false},
	} {
		t.Run(name, func(t *testing.T) {
			screen := New(test.options)
			if screen.mode != test.mode || screen.styles.color != test.color {
				t.Errorf("mode %v, color %v; want %v, %v", screen.mode, screen.styles.color, test.mode, test.color)
			}
		})
	}
}

func TestPlainToFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	screen := New(Options{Out: file, Getenv: environment()})
	events := running()
	for _, event := range events {
		screen.Observe(event)
	}
	screen.Close()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != len(events) || strings.Contains(string(text), "\x1b") {
		t.Errorf("%d lines for %d events:\n%s", lines, len(events), text)
	}
}

func TestConfirm(t *testing.T) {
	for name, test := range map[string]struct {
		want, typed string
		agreed      bool
	}{
		"yes":            {"", "yes", true},
		"y":              {"", "Y", true},
		"nothing":        {"", "", false},
		"no":             {"", "no", false},
		"the name":       {"local", "local", true},
		"another name":   {"local", "y", false},
		"other letters":  {"local", "LOCAL", false},
		"spaces around":  {"local", " local ", true},
		"more than that": {"local", "localhost", false},
	} {
		t.Run(name, func(t *testing.T) {
			keyboard, tty, seen := openPTY(t)
			screen := New(Options{Out: tty, In: tty, Getenv: environment()})
			go func() {
				seen.await(t, "Remove everything?")
				_, _ = keyboard.WriteString(test.typed + "\n")
			}()
			agreed, waited, err := screen.Confirm(t.Context(), "Remove everything?", test.want)
			if err != nil || agreed != test.agreed || waited <= 0 {
				t.Errorf("agreed %v after %s, error %v", agreed, waited, err)
			}
		})
	}
}

func TestConfirmDuringLiveView(t *testing.T) {
	keyboard, tty, seen := openPTY(t)
	screen := New(Options{Out: tty, In: tty, Getenv: environment()})
	for _, event := range running() {
		screen.Observe(event)
	}
	type answer struct {
		agreed bool
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		agreed, _, err := screen.Confirm(t.Context(), "Go on?", "")
		answers <- answer{agreed, err}
	}()
	seen.await(t, "Go on?")
	screen.Print("said meanwhile") // held back, and holds nobody up
	if strings.Contains(seen.String(), "said meanwhile") {
		t.Error("a line broke into the question")
	}
	if _, err := keyboard.WriteString("y\n"); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "said meanwhile")
	if got := <-answers; got.err != nil || !got.agreed {
		t.Errorf("answer %+v", got)
	}
	screen.Close()
}

func TestConfirmInterrupted(t *testing.T) {
	_, tty, seen := openPTY(t)
	screen := New(Options{Out: tty, In: tty, Getenv: environment()})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { seen.await(t, "Go on?"); cancel() }()
	if agreed, _, err := screen.Confirm(ctx, "Go on?", ""); agreed || !errors.Is(err, context.Canceled) {
		t.Errorf("agreed %v, error %v", agreed, err)
	}
}

func TestConfirmWithNobodyThere(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	screen := New(Options{Out: file, In: file, Getenv: environment()})
	_, _, err = screen.Confirm(t.Context(), "Go on?", "")
	if fault.ExitCode(err) != fault.ExitUsage || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("error %v", err)
	}
}
