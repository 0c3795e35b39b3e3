package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// narrow is the width under which the objectives' table would be cut.
const narrow = 60

func (p page) objectives() string {
	if len(p.SLO) == 0 {
		return ""
	}
	if p.Width < narrow {
		return p.objectivesNarrow()
	}
	var rows [][]string
	var reasons strings.Builder
	longest := 0
	for _, result := range p.SLO {
		if result.Reason != "" {
			longest = max(longest, len(result.Name))
		}
	}
	for _, result := range p.SLO {
		glyph, verdict := p.judged(result)
		rows = append(rows, []string{glyph + " " + result.Name, result.Objective, observed(result), count(result.Samples), verdict})
		reasons.WriteString(p.titled(fmt.Sprintf("%-*s", longest, result.Name), result.Reason))
	}
	columns := []terminal.Column{
		{Title: "OBJECTIVE", Give: true}, {Title: "WANTED", Right: true}, {Title: "OBSERVED", Right: true},
		{Title: "SAMPLES", Right: true}, {Title: "VERDICT"},
	}
	table := terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
	if reasons.Len() > 0 {
		table += "\n" + reasons.String()
	}
	return table
}

// objectivesNarrow gives each objective its lines.
func (p page) objectivesNarrow() string {
	var text strings.Builder
	for _, result := range p.SLO {
		glyph, verdict := p.judged(result)
		text.WriteString("  " + glyph + " " + result.Name + "  " + verdict + "\n")
		said := observed(result) + ", wanted " + result.Objective
		if result.Reason != "" {
			said += "; " + result.Reason
		}
		for _, line := range terminal.Wrap(said, p.Width-4) {
			text.WriteString("    " + p.Styles.Dim(line) + "\n")
		}
	}
	return text.String()
}

func (p page) judged(result slo.Result) (glyph, verdict string) {
	verdict = string(result.Verdict)
	switch result.Verdict {
	case slo.Met:
		return p.Styles.Good(terminal.GlyphPassed), p.Styles.Good(verdict)
	case slo.Violated:
		return p.Styles.Bad(terminal.GlyphFailed), p.Styles.Bad(verdict)
	default:
		return p.Styles.Warn(terminal.GlyphWarning), p.Styles.Warn(verdict)
	}
}

// observed writes what was measured with as many digits as one reads.
func observed(result slo.Result) string {
	if math.IsNaN(result.Observed) || math.IsInf(result.Observed, 0) || result.Samples == 0 {
		return terminal.GlyphSkipped
	}
	decimals := 3
	switch size := math.Abs(result.Observed); {
	case size >= 100:
		decimals = 1
	case size >= 1:
		decimals = 2
	}
	number := strconv.FormatFloat(result.Observed, 'f', decimals, 64)
	number = strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
	if result.Unit == "" {
		return number
	}
	return number + " " + result.Unit
}

// count writes 9000 as "9,000".
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
