package slo

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Paint colours text that tells of a verdict; nil leaves it as it is.
type Paint func(verdict Verdict, text string) string

const indent = "  "

// Table renders results for people, in lines of at most width columns (as far
// as names allow): a table where it fits, else an entry of two lines each.
func Table(results []Result, width int, paint Paint) []string {
	if paint == nil {
		paint = func(_ Verdict, text string) string { return text }
	}
	rows := make([][]string, 0, len(results)+1)
	rows = append(rows, []string{"objective", "target", "observed", "samples", "verdict"})
	for _, result := range results {
		rows = append(rows, []string{result.Name, spaced(result.Objective), observed(result), strconv.FormatInt(result.Samples, 10), string(result.Verdict)})
	}
	widths := make([]int, len(rows[0]))
	total := len(indent)
	for column := range widths {
		for _, row := range rows {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
		}
		total += widths[column] + gap
	}
	if total-gap > width {
		return entries(results, rows[1:], width, paint)
	}
	lines := []string{line(rows[0], widths, rows[0][4])}
	for i, result := range results {
		lines = append(lines, line(rows[i+1], widths, paint(result.Verdict, string(result.Verdict))))
		lines = append(lines, reason(result, width)...)
	}
	return lines
}

const gap = 3

// line lays out a row: text to the left, numbers to the right.
func line(cells []string, widths []int, verdict string) string {
	var b strings.Builder
	b.WriteString(indent)
	for column, cell := range cells[:4] {
		padding := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
		if column >= 2 {
			b.WriteString(padding + cell)
		} else {
			b.WriteString(cell + padding)
		}
		b.WriteString(strings.Repeat(" ", gap))
	}
	return b.String() + verdict
}

func entries(results []Result, rows [][]string, width int, paint Paint) []string {
	var lines []string
	for i, result := range results {
		row := rows[i]
		lines = append(lines, indent+row[0]+"  "+paint(result.Verdict, row[4]))
		lines = append(lines, wrap(row[2]+" of "+row[1]+", "+row[3]+" samples", width)...)
		lines = append(lines, reason(result, width)...)
	}
	return lines
}

// reason explains a verdict that is not met, under it.
func reason(result Result, width int) []string {
	if result.Reason == "" {
		return nil
	}
	return wrap(result.Reason, width)
}

func wrap(text string, width int) []string {
	margin := strings.Repeat(indent, 2)
	var lines []string
	current := margin
	for _, word := range strings.Fields(text) {
		if current != margin && utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) > width {
			lines, current = append(lines, current), margin
		}
		if current != margin {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}

func observed(result Result) string {
	if result.Samples == 0 {
		return "–"
	}
	precision := 1
	if result.Unit == "%" {
		precision = 3 // 99.899% must not read as 99.90%
	}
	return strconv.FormatFloat(result.Observed, 'f', precision, 64) + " " + result.Unit
}

// spaced writes "<300ms" as "< 300 ms".
func spaced(objective string) string {
	number := strings.IndexFunc(objective, digit)
	if number < 0 {
		return objective
	}
	unit := number + strings.LastIndexFunc(objective[number:], digit) + 1
	operator := strings.NewReplacer("<=", "≤", ">=", "≥").Replace(objective[:number])
	return fmt.Sprintf("%s %s %s", operator, objective[number:unit], objective[unit:])
}

func digit(r rune) bool { return r >= '0' && r <= '9' }
