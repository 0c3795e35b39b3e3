package rules

import "github.com/pocctl/pocctl/internal/config"

// Of gives the rules of the objectives: what each indicator is, over every window
// that is looked at; alerts on what it is now; alerts on how quickly its error
// budget is spent; and alerts on what all of it stands on. Objectives that the
// service's metrics don't measure have none.
func Of(objectives config.Objectives) File {
	indicators, now, budget := Group{Name: "slo-indicators"}, Group{Name: "slo-now"}, Group{Name: "slo-budget"}
	for _, objective := range objectives {
		now.Rules = append(now.Rules, thresholds(objective)...)
		i, has := indicatorOf(objective)
		if !has {
			continue
		}
		for _, window := range windows() {
			indicators.Rules = append(indicators.Rules, Rule{
				Record: i.name(window), Expr: i.expression(window), Labels: map[string]string{"objective": objective.Name},
			})
		}
		if spends(objective) {
			budget.Rules = append(budget.Rules, burning(i, Page), burning(i, Ticket))
		}
	}
	return File{Groups: []Group{indicators, now, budget, {Name: "platform", Rules: platform()}}}
}

// spends says whether the objective has an error budget that people are called
// for. The error rate has none: it counts what availability does, more coarsely.
// The cache hasn't either: a miss is no harm to anybody by itself.
func spends(objective config.Objective) bool {
	return objective.Indicator == config.Availability || objective.Indicator == config.Latency
}
