package dashboards

import (
	"fmt"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

// paging is 1 while an alert that wakes somebody fires, else 0.
const paging = `((count(ALERTS{alertstate="firing",severity="` + rules.Page + `",job=~"$job"}) > bool 0) or vector(0))`

// generations are the templates of pods that have run in the last day, as far back as
// Prometheus keeps it.
func generations() string {
	return "count by (job) (count by (job, pod_template_hash) (count_over_time(" + of("app_build_info") + "[1d])))"
}

func release(l limits) Dashboard {
	mixed := "(max(count by (job) (count by (job, pod_template_hash) (" + of("app_build_info") + "))) > bool 1)"
	all := fmt.Sprintf("sum by (pod_template_hash) (increase(%s[1d]))", of(requests+"_count", served))
	bad := fmt.Sprintf("sum by (pod_template_hash) (increase(%s[1d]))", of(requests+"_count", served, `error_type!=""`))
	panels := []Panel{
		{Title: "Deployments", Kind: Stat, Unit: Count,
			Description:   "Deployment frequency (DORA): generations of pods that came in the last day, or since Prometheus' data begins. One that goes back to a generation that ran before isn't counted.",
			Queries:       ask("max("+generations()+") - 1", "deployments"),
			PossiblyEmpty: "No pod of the service has been scraped in the last day."},
	}
	// Without an objective nobody can say which deployment was a failure.
	if limit := l.of(config.ErrorRate); limit != nil {
		panels = append(panels, Panel{Title: "Change failures", Kind: Stat, Unit: Share,
			Description: "Change failure rate (DORA): share of the last day's generations whose own errors were over the objective, whoever's fault it was.",
			Queries:     ask(fmt.Sprintf("(count(%s / (%s > 0) > %s) or vector(0)) / count(%s > 0)", bad, all, number(limit[0].Value), all), "failed"),
			Thresholds:  l.deployments()})
	}
	return Dashboard{
		UID: "pocctl-release", Title: "Release health",
		Description: "How often is it deployed, how well does that go, and how soon is it well again? By the four measures of DORA.",
		Panels: append(panels,
			Panel{Title: "Time to restore", Kind: Stat, Unit: Seconds,
				Description:   "Time to restore (DORA): how long somebody was paged for in the last day, by incident.",
				Queries:       ask(fmt.Sprintf("60 * sum_over_time(%s[1d:1m]) / (ceil(changes(%s[1d:1m]) / 2) > 0)", paging, paging), "restored in"),
				PossiblyEmpty: "Nobody was paged in the last day, so nothing had to be restored."},
			Panel{Title: "Lead time", Kind: Stat, Unit: Seconds,
				Description:   "Lead time (DORA), as far as metrics tell: the longest of the last CI runs, which a change waits for before it is deployed.",
				Queries:       ask("max("+ciDuration+")", "CI"),
				PossiblyEmpty: ciAbsent},
			Panel{Title: "Time of two generations", Kind: Stat, Unit: Seconds,
				Description: "How long two generations served at once in the last day: rollouts under way.",
				Queries:     ask("15 * sum_over_time("+mixed+"[1d:15s])", "mixed")},
			Panel{Title: "Replicas by version", Kind: Timeseries, Unit: Count, Description: "A rollout is where one line falls and another rises.",
				Queries: ask("count by (job, version) ("+of("app_build_info")+")", "{{job}} {{version}}")},
			Panel{Title: "Replicas by generation", Kind: Timeseries, Unit: Count, Description: "A change of configuration alone is a generation, too.",
				Queries: ask("count by (job, pod_template_hash) ("+of("app_build_info")+")", "{{job}} {{pod_template_hash}}")},
			Panel{Title: "Errors by version", Kind: Timeseries, Unit: Share, Description: "Share of each version's requests that ended in an error.",
				Queries: ask(failing("version", requests, served), "{{version}}"), Thresholds: l.of(config.ErrorRate)},
			Panel{Title: "p95 by version", Kind: Timeseries, Unit: Seconds, Description: "95% of each version's requests took less.",
				Queries: ask(quantile(0.95, "version", requests, served), "{{version}}"), Thresholds: l.latency(0.95)},
			Panel{Title: "Restarts", Kind: Timeseries, Unit: Count, Description: "Starts of each pod's process within the last hour, beyond its first.",
				Queries: ask("sum by (pod) (changes("+of("process_start_time_seconds")+"[1h]))", "{{pod}}")},
			Panel{Title: "Alerts", Kind: Timeseries, Unit: Count, Description: "Alerts that fire, by name and severity.",
				Queries:       ask(`count by (alertname, severity) (ALERTS{alertstate="firing"})`, "{{alertname}} ({{severity}})"),
				PossiblyEmpty: "No alert fires."},
			Panel{Title: "Running since", Kind: Table, Unit: Seconds, Description: "How long ago each pod's process began.",
				Queries: ask("time() - max by (job, version, pod) ("+of("process_start_time_seconds")+")", "age")},
		),
	}
}

// deployments is the share that may fail, of the objective for those that succeed.
func (l limits) deployments() []Threshold {
	var all []Threshold
	for _, one := range l.of(config.DeploymentSuccess) {
		value := 1 - one.Value
		all = append(all, Threshold{Value: rounded(value), Label: one.Label + " succeed"})
	}
	return all
}
