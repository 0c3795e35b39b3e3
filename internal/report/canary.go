package report

import (
	"fmt"

	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/canary"
)

// canary shows how the new version did, and what each check was decided by.
func (p page) canary() string {
	if p.Canary == nil {
		return ""
	}
	line := p.Canary.versions()
	if p.Canary.Reason != "" {
		line += "\n" + p.Canary.Reason
	}
	text := p.titled("canary", line)
	if len(p.Canary.Findings) == 0 || p.Width < narrow {
		return text
	}
	var rows [][]string
	for _, one := range p.Canary.Findings {
		glyph, verdict := p.Styles.Good(terminal.GlyphPassed), string(one.Verdict)
		switch one.Verdict {
		case canary.Pass:
			verdict = p.Styles.Good(verdict)
		case canary.Fail:
			glyph, verdict = p.Styles.Bad(terminal.GlyphFailed), p.Styles.Bad(verdict)
		default:
			glyph, verdict = p.Styles.Warn(terminal.GlyphWarning), p.Styles.Warn(verdict)
		}
		fresh, stable, limit := one.Figures()
		rows = append(rows, []string{glyph + " " + one.Name, fresh, stable, limit, count(one.Samples), verdict})
	}
	columns := []terminal.Column{
		{Title: "CHECK", Give: true}, {Title: "CANARY", Right: true}, {Title: "STABLE", Right: true}, {Title: "LIMIT", Right: true},
		{Title: "SAMPLES", Right: true}, {Title: "VERDICT"},
	}
	return text + "\n" + terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
}

// versions says from what to what, and how it ended.
func (c *Canary) versions() string { return fmt.Sprintf("%s → %s %s", c.From, c.To, c.Verdict) }

// canarySection is the canary, on the page.
type canarySection struct {
	Versions, Reason string
	Checks           []checkRow
}

// checkRow is what one check was decided by.
type checkRow struct {
	Name, Canary, Stable, Limit, Samples, Verdict, Tone, Reason string
}

func canarySectionOf(c *Canary) *canarySection {
	if c == nil {
		return nil
	}
	shown := &canarySection{Versions: c.versions(), Reason: c.Reason}
	if c.Weight > 0 && c.Requests > 0 {
		shown.Versions += fmt.Sprintf(", with at most %d%% of the requests: %s in %s", c.Weight, count(c.Requests), terminal.Seconds(c.Seconds))
	}
	for _, one := range c.Findings {
		row := checkRow{Name: one.Name, Samples: count(one.Samples), Verdict: string(one.Verdict), Tone: "warn", Reason: one.Reason}
		row.Canary, row.Stable, row.Limit = one.Figures()
		switch one.Verdict {
		case canary.Pass:
			row.Tone = "good"
		case canary.Fail:
			row.Tone = "bad"
		}
		shown.Checks = append(shown.Checks, row)
	}
	return shown
}
