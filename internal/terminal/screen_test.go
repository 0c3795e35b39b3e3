package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tube is a terminal that knows what a screen writes, and breaks its lines anew
// when it gets another width.
type tube struct {
	width    int
	lines    []string // as written, unbroken; the last one is the cursor's
	row      int
	unwanted []string
}

func (d *tube) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' }) + 2
			d.control(text[2:end], text[end])
			text = text[end+1:]
		case strings.HasPrefix(text, "\r\n"):
			d.row++
			text = text[2:]
		case text[0] == '\r':
			text = text[1:]
		default:
			end := strings.IndexAny(text, "\r\x1b")
			d.grow()
			d.lines[d.row] = text[:end]
			text = text[end:]
		}
		d.grow()
	}
	return len(p), nil
}

func (d *tube) grow() {
	for d.row >= len(d.lines) {
		d.lines = append(d.lines, "")
	}
}

func (d *tube) control(argument string, final byte) {
	switch {
	case final == 'A':
		up, err := strconv.Atoi(argument)
		if err != nil || up > d.row {
			d.unwanted = append(d.unwanted, fmt.Sprintf("up %s from line %d", argument, d.row))
			up = d.row
		}
		d.row -= up
	case final == 'J':
		d.lines = append(d.lines[:d.row:d.row], "")
	case final == 'K', strings.HasPrefix(argument, "?"): // draw writes whole lines
	default:
		d.unwanted = append(d.unwanted, argument+string(final))
	}
}

func (d *tube) resize(width int) {
	d.width = width
	var broken []string
	row := 0
	for i, line := range d.lines {
		if i == d.row {
			row = len(broken)
		}
		for runes := []rune(line); len(runes) > width; runes = []rune(line) {
			broken = append(broken, string(runes[:width]))
			line = string(runes[width:])
		}
		broken = append(broken, line)
	}
	d.lines, d.row = broken, row
}

func TestScreenRedrawsInPlace(t *testing.T) {
	d := &tube{width: 40}
	s := &screen{out: d}
	block := func(n, length int) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = strings.Repeat(string(rune('a'+i)), length)
		}
		return lines
	}
	draw := func(above, lines []string) {
		t.Helper()
		if err := s.draw(above, lines, d.width, 24); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Write([]byte("$ pocctl up\r\n")); err != nil {
		t.Fatal(err)
	}
	draw(nil, block(3, 39))
	draw(nil, block(5, 39))
	draw([]string{"a note"}, block(5, 39))
	d.resize(15) // five lines are fifteen now
	draw(nil, block(4, 14))
	d.resize(60)
	draw(nil, block(2, 59))
	want := append([]string{"$ pocctl up", "a note"}, append(block(2, 59), "")...)
	if diff := cmp.Diff(want, d.lines); diff != "" {
		t.Error(diff)
	}
	if err := s.erase(d.width, 24); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"$ pocctl up", "a note", ""}, d.lines); diff != "" {
		t.Error(diff)
	}
	if len(d.unwanted) > 0 {
		t.Errorf("the terminal was told: %q", d.unwanted)
	}
}

func TestScreenStaysBelowItsTop(t *testing.T) {
	d := &tube{width: 10}
	s := &screen{out: d}
	for range 3 {
		if err := s.draw(nil, strings.Split(strings.Repeat("x\n", 30), "\n"), 10, 8); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.unwanted) > 0 {
		t.Errorf("the terminal was told: %q", d.unwanted)
	}
}
