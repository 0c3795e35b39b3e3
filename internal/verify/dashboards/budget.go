package dashboards

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/pocctl/pocctl/internal/verify/rules"
)

// rounded takes the noise of binary fractions off a number.
func rounded(value float64) float64 {
	short, _ := strconv.ParseFloat(number(value), 64)
	return short
}

// sentence begins an objective's description as one.
func sentence(description string) string {
	first, size := utf8.DecodeRuneInString(description)
	return string(unicode.ToUpper(first)) + description[size:]
}

func budget(l limits) Dashboard {
	var stats, lines []Panel
	const quiet = "Nobody has asked anything of the service in this time."
	for _, one := range l.indicators() {
		page, paged := l.burning(one, rules.Page)
		ticket, ticketed := l.burning(one, rules.Ticket)
		if longest, has := one.over("3d"); has && (paged || ticketed) {
			stats = append(stats, Panel{
				Title: "Left of " + one.Name, Kind: Stat, Unit: Share,
				Description: sentence(one.Description) + ": what is left of the budget of the last 3 days, or since Prometheus' data begins. Below 0 it is overspent.",
				Queries:     ask(fmt.Sprintf(`1 - max(%s{job=~"$job"}) / %s`, longest.name, number(one.budget)), "left"),
				Thresholds:  []Threshold{{Value: 0, Label: "its budget", Floor: true}},
			})
		}
		if shortest, has := one.over("5m"); has {
			lines = append(lines, Panel{
				Title: "Bad events of " + one.Name, Kind: Timeseries, Unit: Share, PossiblyEmpty: quiet,
				Description: sentence(one.Description) + ": the share of the last 5 minutes that is not so.",
				Queries:     ask(shortest.name+`{job=~"$job"}`, "{{job}}"),
				Thresholds:  []Threshold{{Value: rounded(one.budget), Label: "budget of " + one.Target}},
			})
		}
		if paged {
			lines = append(lines, burnPanel(one, page, "Fast burn of "+one.Name, "somebody is woken"))
		}
		if ticketed {
			lines = append(lines, burnPanel(one, ticket, "Slow burn of "+one.Name, "a ticket is made"))
		}
	}
	return Dashboard{
		UID: "pocctl-budget", Title: "Error budget burn",
		Description: "How much of what may go wrong has gone wrong, and will the rest last?",
		Panels:      append(stats, lines...),
	}
}

func burnPanel(of indicator, alert burn, title, consequence string) Panel {
	panel := Panel{
		Title: title, Kind: Timeseries, Unit: Multiple, Thresholds: alert.factors,
		Description: sentence(of.Description) + ": how many times quicker than its budget of 30 days allows it is spent. If a short and a long window are both over a line, " + consequence + ".",
	}
	for _, window := range alert.windows {
		series, _ := of.over(window)
		panel.Queries = append(panel.Queries, Query{fmt.Sprintf(`max by (job) (%s{job=~"$job"}) / %s`, series.name, number(of.budget)), windowLegend(window)})
	}
	return panel
}
