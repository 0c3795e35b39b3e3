package reconcile

import (
	"fmt"
	"strconv"
	"strings"
)

// Line says what the comparison came to, for people.
func (r Result) Line() string {
	if r.Verdict == NotCompared {
		return "not with Prometheus: " + r.Reason
	}
	var parts, why []string
	for _, row := range r.Rows {
		parts = append(parts, fmt.Sprintf("%s %s, here %s", row.Name, row.text(row.Server), row.text(row.Client)))
		if !row.Within {
			why = append(why, row.Explanation)
		}
	}
	line := "Prometheus " + string(r.Verdict) + ": " + strings.Join(parts, "; ")
	if why != nil {
		line += "; " + strings.Join(why, "; ")
	}
	return line
}

// text writes a figure in the row's unit.
func (r Row) text(value float64) string {
	if r.Unit == "" {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + r.Unit
}

// Texts are the row's figures for people: the load's, the service's, the difference with
// its sign, and the bound.
func (r Row) Texts() (client, server, difference, bound string) {
	sign := ""
	if r.Difference > 0 {
		sign = "+"
	}
	return r.text(r.Client), r.text(r.Server), sign + strings.Replace(r.text(r.Difference), "-", "−", 1), r.text(r.Bound)
}
