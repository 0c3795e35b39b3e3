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

// alertRow is what came of an exercise, on the page.
type alertRow struct {
	Drill, Alert, Severity, Fired, Over, Verdict, Tone, Detail string
}

func (d *Document) alertRows() []alertRow {
	var rows []alertRow
	for _, one := range d.Alerts {
		row := alertRow{
			Drill: one.Drill, Alert: one.Alert, Severity: one.Severity, Fired: after(one.FiredSeconds), Over: after(one.ResolvedSeconds),
			Verdict: string(one.Verdict), Tone: "good", Detail: one.Summary,
		}
		if one.Verdict != alerts.Proved {
			row.Tone, row.Detail = "bad", one.Detail
		}
		rows = append(rows, row)
	}
	return rows
}

// junitAlerts has a case for each exercise.
func (d *Document) junitAlerts() junitSuite {
	suite := d.junitSuite("alerts", 0)
	for _, one := range d.Alerts {
		made := junitCase{Class: "pocctl." + d.Command + ".alerts", Name: one.Drill + ": " + one.Alert, Time: junitSeconds(0)}
		if one.FiredSeconds != nil {
			made.Time = junitSeconds(*one.FiredSeconds)
		}
		if one.Verdict != alerts.Proved {
			made.Failure = &junitReason{Type: string(one.Verdict), Message: one.Alert + " is " + string(one.Verdict), Text: one.Detail}
		}
		suite.Cases = append(suite.Cases, made)
	}
	return suite
}
