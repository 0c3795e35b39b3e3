package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// narrow is the width under which the objectives' table would be cut.
const narrow = 60

// roomy is the width that the table takes with what the budgets came to.
const roomy = 80

func (p page) objectives() string {
	if len(p.SLO) == 0 {
		return ""
	}
	if p.Width < narrow {
		return p.objectivesNarrow()
	}
	budgets := p.Width >= roomy && slices.ContainsFunc(p.SLO, func(r slo.Result) bool { return r.Budget != nil })
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
		row := []string{glyph + " " + result.Name, result.Objective, observed(result), count(result.Samples), verdict}
		if budgets {
			left, lasts := budgetCells(result.Budget)
			row = append(row, left, lasts)
		}
		rows = append(rows, row)
		reasons.WriteString(p.titled(fmt.Sprintf("%-*s", longest, result.Name), result.Reason))
	}
	columns := []terminal.Column{
		{Title: "OBJECTIVE", Give: true}, {Title: "WANTED", Right: true}, {Title: "OBSERVED", Right: true},
		{Title: "SAMPLES", Right: true}, {Title: "VERDICT"},
	}
	if budgets {
		columns = append(columns, terminal.Column{Title: "LEFT", Right: true}, terminal.Column{Title: "LASTS", Right: true})
	}
	table := terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
	if reasons.Len() > 0 {
		table += "\n" + reasons.String()
	}
	return table
}

// budgetCells say what is left of an error budget, and how long 30 days of it would last:
// as the samples show with 95% confidence if none was bad.
func budgetCells(b *slo.Budget) (left, lasts string) {
	if b == nil {
		return terminal.GlyphSkipped, terminal.GlyphSkipped
	}
	left = strconv.FormatFloat(max(0, math.Round(1000*b.Left)/10), 'f', -1, 64) + "%"
	if b.LastsDays == 0 {
		return left, "≥ " + days(b.LastsAtLeastDays)
	}
	return left, days(b.LastsDays)
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
		if result.Budget != nil {
			left, lasts := budgetCells(result.Budget)
			said += "; budget left " + left + ", lasts " + lasts
		}
		for _, line := range terminal.Wrap(said, p.Width-4) {
			text.WriteString("    " + p.Styles.Dim(line) + "\n")
		}
	}
	return text.String()
}

func (p page) judged(result slo.Result) (glyph, verdict string) {
	if result.Void != "" {
		return p.Styles.Bad(terminal.GlyphFailed), p.Styles.Bad("void")
	}
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
