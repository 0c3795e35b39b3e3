package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Severities, which routes go by.
const (
	Page   = "page"   // somebody is woken
	Ticket = "ticket" // somebody looks at it on a working day
)

// burn is one way to notice that the error budget of 30 days is spent too quickly:
// a long window that is sure, and a short one that tells when it is over. From
// Google's SRE workbook, "Alerting on SLOs".
type burn struct {
	factor      float64
	short, long string
	severity    string
}

func burns() []burn {
	return []burn{
		{14.4, "5m", "1h", Page},
		{6, "30m", "6h", Page},
		{3, "2h", "1d", Ticket},
		{1, "6h", "3d", Ticket},
	}
}

// windows are those that rules look at, each once.
func windows() []string {
	var all []string
	for _, one := range burns() {
		all = append(all, one.short)
	}
	for _, one := range burns() {
		if !slices.Contains(all, one.long) {
			all = append(all, one.long)
		}
	}
	return all
}

// burning gives the alert of a severity for an objective.
func burning(i indicator, severity string) Rule {
	var ways []string
	for _, one := range burns() {
		if one.severity != severity {
			continue
		}
		most := number(one.factor * i.budget)
		ways = append(ways, fmt.Sprintf("(%s > %s and %s > %s)", i.name(one.long), most, i.name(one.short), most))
	}
	name := camel(i.objective.Name) + "Burn" + camel(severity)
	return about(i.objective, alert(name, severity, strings.Join(ways, " or "), "",
		fmt.Sprintf("The error budget of %s is being spent too quickly", i.objective.Name),
		fmt.Sprintf("%s: %s of what {{ $labels.job }} did is not so. At this rate the budget of 30 days, %s of it, does not last.",
			i.objective.Description, "{{ $value | humanizePercentage }}", percent(i.budget))))
}
