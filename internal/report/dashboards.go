package report

import (
	"strconv"

	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

// narrowDashboards is the width under which the dashboards' table would be cut.
const narrowDashboards = 66

// panels counts those of one dashboard.
type panels struct {
	dashboard                  string
	all, data, perhaps, broken int
}

// dashboards counts the panels of each dashboard by what came of them.
func (p page) dashboards() string {
	var rows [][]string
	text := ""
	for _, one := range counted(p.Dashboards) {
		glyph, broken := p.Styles.Good(terminal.GlyphPassed), strconv.Itoa(one.broken)
		if one.broken > 0 {
			glyph, broken = p.Styles.Bad(terminal.GlyphFailed), p.Styles.Bad(broken)
		}
		cells := []string{strconv.Itoa(one.all), strconv.Itoa(one.data), strconv.Itoa(one.perhaps), broken}
		rows = append(rows, append([]string{glyph + " " + one.dashboard}, cells...))
		text += "  " + glyph + " " + one.dashboard + "\n"
		said := cells[0] + " panels: " + cells[1] + " with data, " + cells[2] + " may be empty, " + cells[3] + " broken"
		for _, line := range terminal.Wrap(said, p.Width-4) {
			text += "    " + line + "\n"
		}
	}
	if len(rows) == 0 || p.Width < narrowDashboards {
		return text
	}
	columns := []terminal.Column{
		{Title: "DASHBOARD", Give: true}, {Title: "PANELS", Right: true}, {Title: "WITH DATA", Right: true},
		{Title: "MAY BE EMPTY", Right: true}, {Title: "BROKEN", Right: true},
	}
	return terminal.Table{Columns: columns, Rows: rows, Indent: 2}.Render(p.Width, p.Styles)
}

// counted sums results up, which stand dashboard by dashboard and panel by panel. A
// panel is broken if one of its queries is, and has data if one of them has.
func counted(results []dashboards.Result) []panels {
	var all []panels
	for i := 0; i < len(results); {
		first, wrong, data := results[i], false, false
		for ; i < len(results) && results[i].Dashboard == first.Dashboard && results[i].Panel == first.Panel; i++ {
			wrong = wrong || results[i].Wrong()
			data = data || results[i].Verdict == dashboards.OK
		}
		if len(all) == 0 || all[len(all)-1].dashboard != first.Dashboard {
			all = append(all, panels{dashboard: first.Dashboard})
		}
		last := &all[len(all)-1]
		last.all++
		switch {
		case wrong:
			last.broken++
		case data:
			last.data++
		default:
			last.perhaps++
		}
	}
	return all
}
