package terminal

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Column heads a column of a Table.
type Column struct {
	Title string
	Right bool // numbers stand at the right
	Give  bool // is shortened first where the width does not do
}

// Table lines cells up. Cells may be painted, and are one line each.
type Table struct {
	Columns []Column
	Rows    [][]string
	Indent  int // columns left free before the table
}

const gap = 2

// Render gives the table's lines, each ended, none wider than width. The header
// is dim, and left out if no column has a title.
func (t Table) Render(width int, styles Styles) string {
	widths := t.widths(width)
	var text strings.Builder
	if header := t.header(); strings.Join(header, "") != "" {
		for i := range header {
			header[i] = styles.Dim(ansi.Truncate(header[i], widths[i], "…"))
		}
		t.line(&text, header, widths)
	}
	for _, row := range t.Rows {
		t.line(&text, row, widths)
	}
	return text.String()
}

func (t Table) header() []string {
	header := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		header[i] = column.Title
	}
	return header
}

// widths gives each column what it needs, and takes what is too much from the
// columns that give, then from all, the widest first.
func (t Table) widths(limit int) []int {
	widths := make([]int, len(t.Columns))
	total := t.Indent + gap*(len(t.Columns)-1)
	for i, column := range t.Columns {
		widths[i] = ansi.StringWidth(column.Title)
		for _, row := range t.Rows {
			if i < len(row) {
				widths[i] = max(widths[i], ansi.StringWidth(row[i]))
			}
		}
		total += widths[i]
	}
	for _, all := range []bool{false, true} {
		least := 8
		if all {
			least = 1
		}
		for total > limit {
			widest := -1
			for i, column := range t.Columns {
				if (column.Give || all) && widths[i] > least && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
			total--
		}
	}
	return widths
}

func (t Table) line(text *strings.Builder, cells []string, widths []int) {
	line := strings.Repeat(" ", t.Indent)
	for i := range t.Columns {
		cell := ""
		if i < len(cells) {
			cell = ansi.Truncate(cells[i], widths[i], "…")
		}
		space := strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(cell)))
		if t.Columns[i].Right {
			line += space + cell
		} else {
			line += cell + space
		}
		if i < len(t.Columns)-1 {
			line += strings.Repeat(" ", gap)
		}
	}
	text.WriteString(strings.TrimRight(line, " ") + "\n")
}
