package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// Interactive says whether there is a person to ask.
func (t *Terminal) Interactive() bool { return isTerminal(t.in) && isTerminal(t.out) }

// Confirm asks a person. want is what must be typed to agree, for what cannot be
// taken back; empty means that "y" or "yes" does. Anything else is a no. waited
// is how long the answer took, for whom time counts. With no one to ask, the
// error is a fault.Usage that names --yes; a ctx that ends gives its own.
func (t *Terminal) Confirm(ctx context.Context, question, want string) (agreed bool, waited time.Duration, err error) {
	if !t.Interactive() {
		return false, 0, fault.New(fault.Usage, "detail", "there is no terminal to answer on: "+question+"; give --yes to agree", "command", "pocctl")
	}
	hint := "[y/N]"
	if want != "" {
		hint = "type " + t.styles.Bold(want) + " to agree:"
	}
	comeBack := t.stepAside(fmt.Sprintf("%s %s %s ", t.styles.Warn("?"), question, hint))
	defer comeBack()

	begun := time.Now()
	answer, err := readLine(ctx, t.in)
	waited = time.Since(begun)
	if err != nil {
		t.write("\n") // the question stays without an answer
		return false, waited, err
	}
	return agrees(answer, want), waited, nil
}

// stepAside takes a live view off the screen and puts the question there. comeBack
// shows what was held up meanwhile; the runs themselves are not held up.
func (t *Terminal) stepAside(question string) (comeBack func()) {
	t.asking.Lock()
	t.mu.Lock()
	defer t.mu.Unlock()
	wasLive := t.stop != nil
	if wasLive {
		width, height := sizeOf(t.out)
		_ = t.screen.erase(width, height)
		t.stopDrawing()
	}
	t.write(question)
	t.held = &[]string{}
	return func() {
		defer t.asking.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		lines := *t.held
		t.held = nil
		for _, line := range lines {
			t.print(line)
		}
		if wasLive {
			t.beginLive()
		}
		if wasLive && t.state.ended {
			t.endLive()
		}
	}
}

func agrees(answer, want string) bool {
	answer = strings.TrimSpace(answer)
	if want != "" {
		return answer == want
	}
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

// readLine reads a line, or leaves the reading behind when ctx ends. The end of
// the input is an empty answer.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(in).ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case got := <-read:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", got.err)
		}
		return got.text, nil
	}
}
