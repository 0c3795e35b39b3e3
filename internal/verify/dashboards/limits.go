package dashboards

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

// limits knows what panels are measured against: the objectives, and the rules that
// are generated from them.
type limits struct {
	objectives config.Objectives
	rules      rules.File
}

func limitsOf(objectives config.Objectives) limits {
	return limits{objectives, rules.Of(objectives)}
}

// of gives the limits of an indicator in seconds or as shares.
func (l limits) of(indicator config.Indicator) []Threshold {
	var all []Threshold
	for _, objective := range l.objectives {
		if objective.Indicator != indicator {
			continue
		}
		all = append(all, Threshold{
			Value: base(objective.Limit), Label: "objective " + objective.Limit.String(), Floor: !objective.Limit.Ceiling(),
		})
	}
	return all
}

// latency gives the limits of a quantile; those of others say nothing of it.
func (l limits) latency(q float64) []Threshold {
	same := limits{objectives: slices.DeleteFunc(slices.Clone(l.objectives), func(one config.Objective) bool { return one.Quantile != q })}
	return same.of(config.Latency)
}

// latencies gives the limits of every quantile, each with its own legend.
func (l limits) latencies() []Threshold {
	var all []Threshold
	for _, q := range l.quantiles() {
		for _, one := range l.latency(q) {
			one.Label, one.Legend = one.Label+" at "+percentile(q), percentile(q)
			all = append(all, one)
		}
	}
	return all
}

// base is a limit in seconds or as a share.
func base(limit config.Limit) float64 {
	if limit.Unit == "ms" {
		return limit.Value / 1000
	}
	return limit.Value / 100
}

var alertLimit = regexp.MustCompile(` > ([0-9.e+-]+)$`)

// alert gives the limit of an alert that fires on what a value is now.
func (l limits) alert(name string) []Threshold {
	for _, rule := range l.rules.Alerts() {
		if rule.Alert != name {
			continue
		}
		if found := alertLimit.FindStringSubmatch(rule.Expr); found != nil {
			if value, err := strconv.ParseFloat(found[1], 64); err == nil {
				return []Threshold{{Value: value, Label: "limit of " + name}}
			}
		}
	}
	return nil
}

// recorded is a series of the share of bad events over a window.
type recorded struct{ name, window string }

// indicator is an objective with the series that are recorded of it.
type indicator struct {
	config.Objective
	// budget is the share that may be bad.
	budget float64
	series []recorded
}

// over gives the series of a window, which may be missing.
func (i indicator) over(window string) (recorded, bool) {
	for _, one := range i.series {
		if one.window == window {
			return one, true
		}
	}
	return recorded{}, false
}

// indicators gives the objectives which series are recorded of.
func (l limits) indicators() []indicator {
	var all []indicator
	for _, objective := range l.objectives {
		found := indicator{Objective: objective, budget: budgetOf(objective)}
		for _, group := range l.rules.Groups {
			for _, rule := range group.Rules {
				if at := strings.LastIndexByte(rule.Record, '_'); at >= 0 && rule.Labels["objective"] == objective.Name {
					found.series = append(found.series, recorded{rule.Record, rule.Record[at+1:]})
				}
			}
		}
		if found.series != nil {
			all = append(all, found)
		}
	}
	return all
}

// budgetOf is the share that may be bad.
func budgetOf(objective config.Objective) float64 {
	switch {
	case objective.Indicator == config.Latency:
		return 1 - objective.Quantile
	case objective.Limit.Ceiling():
		return base(objective.Limit)
	default:
		return 1 - base(objective.Limit)
	}
}

// burn is an alert on how quickly a budget is spent.
type burn struct {
	windows []string
	factors []Threshold // how many times too quick, each once
}

var burnCondition = regexp.MustCompile(`(slo:[a-z0-9_]+:bad_ratio_([0-9]+[mhd])) > ([0-9.e+-]+)`)

// burning gives the alert of a severity on the budget of an indicator; has is false
// if nobody is called for it.
func (l limits) burning(of indicator, severity string) (found burn, has bool) {
	for _, rule := range l.rules.Alerts() {
		if rule.Labels["severity"] != severity {
			continue
		}
		seen := map[string]bool{}
		for _, condition := range burnCondition.FindAllStringSubmatch(rule.Expr, -1) {
			series, is := of.over(condition[2])
			most, err := strconv.ParseFloat(condition[3], 64)
			// An alert on what the share is now has one condition, not pairs of them.
			if !is || series.name != condition[1] || err != nil || !strings.Contains(rule.Expr, " and ") {
				continue
			}
			found.windows, has = append(found.windows, condition[2]), true
			factor := number(most / of.budget)
			if !seen[factor] {
				seen[factor] = true
				value, _ := strconv.ParseFloat(factor, 64)
				// The long window comes first, and is the one that is sure.
				found.factors = append(found.factors, Threshold{
					Value: value, Label: severity + " at " + factor + "×", Legend: windowLegend(condition[2]),
				})
			}
		}
	}
	return found, has
}

// windowLegend names series of a window.
func windowLegend(window string) string { return window + " {{job}}" }

// number writes a number without the noise of binary fractions.
func number(value float64) string { return strconv.FormatFloat(value, 'g', 6, 64) }
