package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/terminal"
)

// Look is how a summary is laid out.
type Look struct {
	Width  int // columns; zero means 80
	Styles terminal.Styles
	// ShowError shows the document's error too: not where the command shows it anyway.
	ShowError bool
	// EnvFlag is what --env was given, for the commands that are offered; the
	// document's name where empty.
	EnvFlag string
}

// Text writes the summary for people: the verdict first.
func (d *Document) Text(w io.Writer, look Look) error {
	if look.Width <= 0 {
		look.Width = 80
	}
	p := page{Document: d, Look: look}
	p.Width = min(p.Width, terminal.MaxWidth)
	var sections []string
	for _, section := range []string{p.verdict(), p.failure(), p.phases(), p.criticalPath(), p.objectives(), p.reconciliation(), p.canary(), p.dashboards(), p.alerts(), p.endpoints(), p.next()} {
		if section != "" {
			sections = append(sections, section)
		}
	}
	if _, err := io.WriteString(w, strings.Join(sections, "\n")); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type page struct {
	*Document
	Look
}

func (p page) verdict() string {
	s := p.Styles
	name := s.Bold(strings.TrimSpace("pocctl " + p.Command))
	if p.Env != "" {
		name += s.Dim(" · ") + s.Accent(p.Env)
	}
	glyph, said := p.outcome()
	if ansi.StringWidth(glyph+name+said)+2 > p.Width {
		return glyph + " " + name + "\n  " + strings.ReplaceAll(ansi.Wordwrap(said, p.Width-2, ""), "\n", "\n  ") + "\n"
	}
	return glyph + " " + name + " " + said + "\n"
}

func (p page) outcome() (glyph, said string) {
	s, spent := p.Styles, p.Styles.Bold(terminal.Seconds(p.Seconds))
	switch {
	case p.Run == "":
		return s.Glyph(p.Status), "did not begin"
	case p.Status == flow.Interrupted:
		return s.Glyph(p.Status), "was interrupted after " + spent
	case p.Error != nil && p.Error.Code == fault.DashboardsBroken:
		return s.Bad(terminal.GlyphFailed), "ended after " + spent + ": the dashboards have broken panels"
	case p.Error != nil && p.Error.Code == fault.AlertsUnproved:
		return s.Bad(terminal.GlyphFailed), "ended after " + spent + ": not every alert is proved"
	case p.Error != nil && measured(p.Error.Code):
		return s.Bad(terminal.GlyphFailed), "ended after " + spent + ": " + p.Error.Message
	case p.Status != flow.Passed || p.Error != nil:
		return s.Bad(terminal.GlyphFailed), "failed after " + spent
	case p.BudgetSeconds > 0 && !p.WithinBudget:
		return s.Warn(terminal.GlyphWarning), fmt.Sprintf("took %s, %s over its %s",
			spent, terminal.Seconds(p.Seconds-p.BudgetSeconds), terminal.Budget(p.BudgetSeconds))
	case p.BudgetSeconds > 0:
		return s.Glyph(p.Status), fmt.Sprintf("made it in %s of %s", spent, terminal.Budget(p.BudgetSeconds))
	default:
		return s.Glyph(p.Status), "done in " + spent
	}
}

// measured says whether the work was done and the numbers alone are not good.
func measured(code fault.Code) bool {
	return code == fault.ObjectiveViolated || code == fault.DataInsufficient || code == fault.RateNotHeld || code == fault.MeasurementVoid
}

func (p page) failure() string {
	if p.Error == nil || !p.ShowError {
		return ""
	}
	return terminal.ErrorBlock(p.Error, p.Width, p.Styles)
}

func (p page) phases() string {
	var rows [][]string
	scale := p.scale()
	for _, phase := range p.Phases {
		row := []string{p.Styles.Glyph(phase.Status) + " " + phase.Name}
		if phase.Status == flow.Skipped {
			rows = append(rows, append(row, "", "", p.Styles.Dim("skipped")))
			continue
		}
		budget := ""
		if phase.BudgetSeconds > 0 {
			budget = terminal.Budget(phase.BudgetSeconds)
		}
		spent := terminal.Seconds(phase.Seconds)
		if phase.BudgetSeconds > 0 && phase.Seconds > phase.BudgetSeconds {
			spent = p.Styles.Warn(spent)
		}
		rows = append(rows, append(row, spent, p.Styles.Dim(budget), p.bar(phase, scale)))
	}
	if len(rows) == 0 {
		return ""
	}
	columns := []terminal.Column{{Title: "PHASE"}, {Title: "TIME", Right: true}, {Title: "BUDGET", Right: true}, {}}
	return terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
}

// scale is how many columns of bar a second takes.
func (p page) scale() float64 {
	const most = 40
	room := min(most, p.Width-42)
	if room < 8 || p.Seconds <= 0 {
		return 0
	}
	return float64(room) / p.Seconds
}

// bar draws when the phase was at work, on the run's time from left to right.
func (p page) bar(phase flow.PhaseResult, scale float64) string {
	if scale == 0 {
		return ""
	}
	first := math.Inf(1)
	for _, step := range phase.Steps {
		if step.Status != flow.Skipped {
			first = min(first, step.StartSeconds)
		}
	}
	if math.IsInf(first, 1) {
		return ""
	}
	whole := int(math.Round(p.Seconds * scale))
	start := min(int(first*scale), whole-1)
	length := min(max(1, int(math.Round(phase.Seconds*scale))), whole-start)
	paint := p.Styles.Accent
	if phase.Status == flow.Failed {
		paint = p.Styles.Bad
	}
	return strings.Repeat(" ", start) + paint(strings.Repeat("━", length))
}

func (p page) criticalPath() string {
	if len(p.CriticalPath) == 0 {
		return ""
	}
	spent := map[string]float64{}
	for _, phase := range p.Phases {
		for _, step := range phase.Steps {
			spent[step.Name] = step.Seconds
		}
	}
	// What took no time that one can see is no news.
	var parts []string
	for _, name := range p.CriticalPath {
		if spent[name] >= 0.05 || len(p.CriticalPath) == 1 {
			parts = append(parts, name+" "+terminal.Seconds(spent[name]))
		}
	}
	return p.titled("critical path", strings.Join(parts, " → "))
}

// titled puts a dim title before text that may take more than one line.
func (p page) titled(title, text string) string {
	if text == "" {
		return ""
	}
	indent := 2 + len(title) + 2
	var lines strings.Builder
	for i, line := range terminal.Wrap(text, p.Width-indent) {
		lead := strings.Repeat(" ", indent)
		if i == 0 {
			lead = "  " + p.Styles.Dim(title) + "  "
		}
		lines.WriteString(lead + line + "\n")
	}
	return lines.String()
}

// reconciliation is a line on how the load compares with the service's own metrics.
func (p page) reconciliation() string {
	if p.Reconciliation == nil {
		return ""
	}
	return p.titled("compared", p.Reconciliation.Line())
}

func (p page) endpoints() string {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(p.Endpoints)) {
		rows = append(rows, []string{name, p.Styles.Accent(p.Endpoints[name])})
	}
	return p.pairs(rows)
}

// pairs lines up two cells a row. What is to be copied is never cut: where the
// width does not do, the second cell goes to a line of its own.
func (p page) pairs(rows [][]string) string {
	const indent, gap = 2, 2
	first, second := 0, 0
	for _, row := range rows {
		first, second = max(first, ansi.StringWidth(row[0])), max(second, ansi.StringWidth(row[1]))
	}
	var lines strings.Builder
	for _, row := range rows {
		between := strings.Repeat(" ", first-ansi.StringWidth(row[0])+gap)
		if indent+first+gap+second > p.Width {
			between = "\n" + strings.Repeat(" ", 2*indent)
		}
		lines.WriteString(strings.Repeat(" ", indent) + row[0] + between + row[1] + "\n")
	}
	return lines.String()
}
