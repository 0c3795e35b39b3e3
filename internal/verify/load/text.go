package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text renders what was measured for people, in lines of at most width columns.
func (r Result) Text(width int) []string {
	t := text{width: width}
	total := r.Total
	t.row("load", "%.4g requests a second for %.4g s: %d sent, %s unsent, %.4g a second held",
		total.Asked, total.Seconds, total.Sent, none(total.Unsent), total.Held)
	if len(r.Stages) > 1 {
		for _, stage := range r.Stages {
			t.row(stage.Name, "%.4g requests a second for %.4g s: p95 %s, %s failed, %s unsent",
				stage.Asked, stage.Seconds, brief(stage.Latency.P95), none(stage.Failed), none(stage.Unsent))
		}
	}
	t.times([]timed{
		{"latency", total.Latency, "from when it was due"},
		{"service", total.Service, "from when it left"},
		{"lag", r.Lag, "how late it left"},
	})
	t.row("connect", "%d connections, p99 %s", r.Connect.Count, brief(r.Connect.P99))
	if r.Proxy != "" {
		t.row("proxy", "%s stood in between: its time is in all of these", r.Proxy)
	}
	if reads := total.CacheHits + total.CacheMisses; reads > 0 {
		t.row("cache", "%d of %d reads hit: %d keys, Zipf %.4g, seed %d", total.CacheHits, reads, r.Targets, r.Skew, r.Seed)
	}
	if total.Failed > 0 {
		t.row("errors", "%s", kinds(total.Errors))
	}
	if total.Example != "" {
		t.row("", "for example: %s", total.Example)
	}
	if r.Left > 0 {
		t.row("left", "%d test records could not be removed", r.Left)
	}
	if r.Interrupted {
		t.row("note", "interrupted: this was measured before")
	}
	if r.Void != "" {
		t.row("void", "%s", r.Void)
	}
	return t.lines
}

// String gives the percentiles on one line.
func (d Distribution) String() string {
	if d.Count == 0 {
		return "nothing measured"
	}
	return fmt.Sprintf("p50 %s, p90 %s, p95 %s, p99 %s, max %s", brief(d.P50), brief(d.P90), brief(d.P95), brief(d.P99), brief(d.Max))
}

// timed is a line of percentiles, and what they are.
type timed struct {
	label string
	times Distribution
	what  string
}

// text is lines of a label and what belongs to it, wrapped.
type text struct {
	width int
	lines []string
}

// times lays percentiles out as a table where that fits, else as sentences.
func (t *text) times(rows []timed) {
	const head, column, tableWidth = "  %-10s", "%-9s", 80
	if t.width < tableWidth {
		for _, row := range rows {
			t.row(row.label, "%s (%s)", row.times, row.what)
		}
		return
	}
	line := fmt.Sprintf(head, "")
	for _, name := range []string{"p50", "p90", "p95", "p99", "max"} {
		line += fmt.Sprintf(column, name)
	}
	t.lines = append(t.lines, strings.TrimRight(line, " "))
	for _, row := range rows {
		line = fmt.Sprintf(head, row.label)
		for _, value := range []float64{row.times.P50, row.times.P90, row.times.P95, row.times.P99, row.times.Max} {
			cell := "–"
			if row.times.Count > 0 {
				cell = brief(value)
			}
			line += fmt.Sprintf(column, cell)
		}
		t.lines = append(t.lines, line+row.what)
	}
}

// brief writes milliseconds to three significant digits, in the fitting unit.
func brief(milliseconds float64) string {
	switch {
	case milliseconds >= 1000:
		return fmt.Sprintf("%.3g s", milliseconds/1000)
	case milliseconds >= 1:
		return fmt.Sprintf("%.3g ms", milliseconds)
	default:
		return fmt.Sprintf("%.0f µs", milliseconds*1000)
	}
}

// none writes a count that is best at zero.
func none(count int64) string {
	if count == 0 {
		return "none"
	}
	return fmt.Sprint(count)
}

// kinds lists errors, the most frequent first.
func kinds(errors map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(errors), func(a, b string) int {
		if errors[a] != errors[b] {
			return int(errors[b] - errors[a])
		}
		return strings.Compare(a, b)
	})
	listed := make([]string, len(names))
	for i, name := range names {
		listed[i] = fmt.Sprintf("%d × %s", errors[name], name)
	}
	return strings.Join(listed, ", ")
}

func (t *text) row(label, format string, args ...any) {
	const first, rest = "  %-10s", "            "
	current, empty := fmt.Sprintf(first, label), true
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if !empty && utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) > t.width {
			t.lines = append(t.lines, current)
			current, empty = rest, true
		}
		if !empty {
			current += " "
		}
		current, empty = current+word, false
	}
	t.lines = append(t.lines, current)
}
