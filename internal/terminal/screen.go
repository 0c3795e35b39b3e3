package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// screen redraws a block of lines in place, at the end of what the terminal
// already shows. It asks the terminal nothing and reads no keys.
type screen struct {
	out   io.Writer
	drawn []string
}

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	// Terminals that know it show the frame at once; others ignore it.
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
	// A terminal can be narrower already than it says: without wrapping, a line
	// stays a line, and the next frame still finds the block's beginning.
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// draw replaces the block with lines, and leaves above where the block began.
// width and height are the terminal's now: lines drawn for a wider one have been
// broken since.
func (s *screen) draw(above, lines []string, width, height int) error {
	var text strings.Builder
	text.WriteString(beginFrame + wrapOff + s.home(width, height))
	for _, line := range slices.Concat(above, lines) {
		text.WriteString(line + clearLine + "\r\n")
	}
	text.WriteString(clearBelow + wrapOn + endFrame)
	s.drawn = lines
	_, err := io.WriteString(s.out, text.String())
	return err
}

// erase takes the block off, so that other text can be written in its place.
func (s *screen) erase(width, height int) error {
	text := s.home(width, height) + clearBelow
	s.drawn = nil
	_, err := io.WriteString(s.out, text)
	return err
}

// home moves the cursor to the block's first column and line.
func (s *screen) home(width, height int) string {
	rows := 0
	for _, line := range s.drawn {
		rows += max(1, (ansi.StringWidth(line)+width-1)/max(1, width))
	}
	rows = min(rows, height-1)
	if rows <= 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", rows)
}
