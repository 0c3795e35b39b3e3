package report

import (
	"fmt"

	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/alerts"
)

// narrowAlerts is the width under which the exercises' table would be cut.
const narrowAlerts = 72

// alerts shows what came of each exercise.
func (p page) alerts() string {
	var rows [][]string
	text := ""
	for _, one := range p.Alerts {
		glyph, verdict := p.Styles.Good(terminal.GlyphPassed), string(one.Verdict)
		if one.Verdict != alerts.Proved {
			glyph, verdict = p.Styles.Bad(terminal.GlyphFailed), p.Styles.Bad(verdict)
		}
		fired, over := after(one.FiredSeconds), after(one.ResolvedSeconds)
		rows = append(rows, []string{glyph + " " + one.Drill, one.Alert, fired, over, verdict})
		text += fmt.Sprintf("  %s %s: %s\n", glyph, one.Drill, one.Alert)
		text += fmt.Sprintf("    %s, told after %s, over after %s\n", verdict, fired, over)
	}
	if len(rows) == 0 || p.Width < narrowAlerts {
		return text
	}
	columns := []terminal.Column{
		{Title: "BROKEN ON PURPOSE"}, {Title: "ALERT", Give: true}, {Title: "TOLD AFTER", Right: true}, {Title: "OVER AFTER", Right: true}, {Title: "VERDICT"},
	}
	return terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
}

func after(seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	return terminal.Seconds(*seconds)
}
