// Package terminal is the one seam to the screen: the progress of a run, and the
// look of everything that people read. Progress goes to stderr; what a command
// answers goes to stdout, and is not written here.
package terminal

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/pocctl/pocctl/internal/flow"
)

// Options of New.
type Options struct {
	// Out takes the progress; nil means stderr.
	Out *os.File
	// In answers questions; nil means stdin.
	In *os.File
	// Plain wants one line an event, even on a terminal.
	Plain bool
	// Quiet wants no progress at all.
	Quiet bool
	// NoColor wants no colors, as NO_COLOR does.
	NoColor bool
	// Getenv reads NO_COLOR, TERM and CI; nil means os.Getenv.
	Getenv func(string) string
}

// Terminal shows runs as they go. It is a flow.Observer:
//
//	screen := terminal.New(terminal.Options{NoColor: flags.noColor})
//	defer screen.Close()
//	result, err := flow.Run(ctx, steps, flow.Options{Observers: []flow.Observer{screen}})
type Terminal struct {
	out, in *os.File
	styles  Styles
	mode    mode

	mu     sync.Mutex
	state  state
	screen screen
	stop   chan struct{} // closed to end the redrawing; nil when there is none
	echo   func()        // gives the terminal its echo back
	held   *[]string     // lines to print after the question; nil if there is none

	asking sync.Mutex // one question at a time
}

type mode int

const (
	quiet mode = iota
	plain
	live
)

// redraw is how often the live view moves.
const redraw = 100 * time.Millisecond

// New looks at what Out is: a terminal gets a live view, anything else, TERM=dumb
// and CI get one line an event.
func New(options Options) *Terminal {
	if options.Out == nil {
		options.Out = os.Stderr
	}
	if options.In == nil {
		options.In = os.Stdin
	}
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	t := &Terminal{
		out:    options.Out,
		in:     options.In,
		styles: StylesFor(options.Out, options.NoColor, options.Getenv),
		mode:   live,
		screen: screen{out: options.Out},
	}
	switch {
	case options.Quiet:
		t.mode = quiet
	case options.Plain, !isTerminal(options.Out), options.Getenv("TERM") == "dumb", options.Getenv("CI") != "":
		t.mode = plain
	}
	return t
}

// StylesFor gives the styles that suit file: plain ones unless it is a terminal
// that wants colors.
func StylesFor(file *os.File, noColor bool, getenv func(string) string) Styles {
	return NewStyles(!noColor && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && isTerminal(file))
}

// WidthOf is how many columns file has; 80 if it is not a terminal.
func WidthOf(file *os.File) int {
	width, _ := sizeOf(file)
	return width
}

func sizeOf(file *os.File) (width, height int) {
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// Styles are those that suit the progress's terminal.
func (t *Terminal) Styles() Styles { return t.styles }

// Width is how many columns the progress's terminal has.
func (t *Terminal) Width() int { return WidthOf(t.out) }

// Observe shows an event.
func (t *Terminal) Observe(event flow.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.apply(event)
	switch t.mode {
	case plain:
		if line := plainLine(event); line != "" {
			t.print(line)
		}
	case live:
		t.follow(event)
	}
}

// Print writes a line where it stays: above a live view, if there is one.
func (t *Terminal) Print(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.print(line)
}

// Close ends a live view where it is and gives the terminal back as it was.
// Closing twice does nothing more.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endLive()
}

func (t *Terminal) follow(event flow.Event) {
	switch event.Kind {
	case flow.RunStarted:
		t.beginLive()
	case flow.StepInfo:
		width, _ := sizeOf(t.out)
		for _, line := range hanging(event.Step, event.Message, width, t.styles) {
			t.print(line)
		}
	case flow.RunEnded:
		t.endLive()
	}
}

func (t *Terminal) beginLive() {
	if t.stop != nil {
		return
	}
	stop := make(chan struct{})
	t.stop, t.echo = stop, muteEcho(t.in)
	t.write(hideCursor)
	t.draw()
	go func() {
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				t.mu.Lock()
				if t.stop == stop {
					t.draw()
				}
				t.mu.Unlock()
			}
		}
	}()
}

// endLive leaves the last frame as it is.
func (t *Terminal) endLive() {
	if t.stop == nil {
		return
	}
	t.draw()
	t.stopDrawing()
}

func (t *Terminal) stopDrawing() {
	close(t.stop)
	t.stop = nil
	t.screen.drawn = nil
	t.write(showCursor)
	t.echo()
}

func (t *Terminal) draw(above ...string) {
	width, height := sizeOf(t.out)
	c := canvas{width: width, height: height - 1, now: t.state.now(time.Now()), styles: t.styles}
	if t.state.ended {
		c.height = 0 // what scrolls away can be scrolled back to
	}
	// A screen that has gone away must not end the run.
	_ = t.screen.draw(above, render(&t.state, c), width, height)
}

func (t *Terminal) print(line string) {
	if t.held != nil {
		*t.held = append(*t.held, line)
		return
	}
	if t.stop == nil {
		t.write(line + "\n")
		return
	}
	width, _ := sizeOf(t.out)
	t.draw(strings.Split(ansi.Hardwrap(line, max(1, width-1), true), "\n")...)
}

func (t *Terminal) write(text string) {
	_, _ = t.out.WriteString(text)
}

// Printf is Print with a format.
func (t *Terminal) Printf(format string, args ...any) { t.Print(fmt.Sprintf(format, args...)) }
