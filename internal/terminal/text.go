package terminal

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/pocctl/pocctl/internal/fault"
)

// MaxWidth is how wide text is laid out at most: the eye loses longer lines.
const MaxWidth = 100

// Wrap breaks plain text into lines of at most width columns, at spaces alone, so
// that commands and names can be copied; a longer word is cut.
func Wrap(text string, width int) []string {
	width = max(1, width)
	var lines []string
	for paragraph := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case ansi.StringWidth(line)+1+ansi.StringWidth(word) <= width:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
			if ansi.StringWidth(line) > width {
				cut := strings.Split(ansi.Hardwrap(line, width, true), "\n")
				lines, line = append(lines, cut[:len(cut)-1]...), cut[len(cut)-1]
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// hanging puts a dim title before text, whose further lines begin below its first word.
// A title that takes more than half of the width has a line to itself.
func hanging(title, text string, width int, styles Styles) []string {
	indent := ansi.StringWidth(title) + gap
	lead := styles.Dim(title) + strings.Repeat(" ", gap)
	var lines []string
	if indent > width/2 {
		lines, indent = append(lines, styles.Dim(title)), gap
		lead = strings.Repeat(" ", gap)
	}
	for _, line := range Wrap(text, width-indent) {
		lines = append(lines, lead+line)
		lead = strings.Repeat(" ", indent)
	}
	return lines
}

// ErrorBlock shows an error: what happened, its code, and what to do about it.
func ErrorBlock(err *fault.Error, width int, styles Styles) string {
	width = min(width, MaxWidth)
	var text strings.Builder
	write := func(label string, paint func(string) string, content string) {
		if content == "" {
			return
		}
		for i, line := range Wrap(content, width-len(label)) {
			if i > 0 {
				label = strings.Repeat(" ", ansi.StringWidth(label))
			}
			text.WriteString(styles.Dim(label) + paint(line) + "\n")
		}
	}
	plain := func(text string) string { return text }
	for i, line := range Wrap(err.Message, width-2) {
		lead := "  "
		if i == 0 {
			lead = styles.Bad(GlyphFailed) + " "
		}
		text.WriteString(lead + styles.Bold(line) + "\n")
	}
	write("  fix   ", plain, err.Fix)
	write("  code  ", styles.Dim, string(err.Code))
	return text.String()
}

// spread puts left and right at the two ends of a line of width columns. Left
// gives way.
func spread(left, right string, width int) string {
	room := width - ansi.StringWidth(right)
	if right != "" {
		room -= gap
	}
	left = ansi.Truncate(left, max(0, room), "…")
	if right == "" {
		return left
	}
	return left + strings.Repeat(" ", max(gap, width-ansi.StringWidth(left)-ansi.StringWidth(right))) + right
}
