package dashboards

import "github.com/pocctl/pocctl/internal/config"

// Metrics of others, which are there only where those are.
const (
	noRollouts = "Argo Rollouts isn't there, or Prometheus doesn't scrape its controller."
	// ciDuration is how long the last run of a CI workflow took.
	ciDuration = "ci_run_duration_seconds"
	ciAbsent   = "CI runs elsewhere, and has not given its durations to this Prometheus."
)

func canary(l limits) Dashboard {
	by, legend := "version, pod_template_hash", "{{version}} {{pod_template_hash}}"
	return Dashboard{
		UID: "pocctl-canary", Title: "Canary analysis",
		Description: "Is the new generation of pods worse than the one that serves beside it?",
		Panels: []Panel{
			{Title: "Generations", Kind: Stat, Unit: Count, Description: "Generations that serve at once: 2 while there is a canary.",
				Queries: ask("count(count by (pod_template_hash) ("+of("app_build_info", `job!~".*-worker"`)+"))", "generations")},
			{Title: "Requests judged", Kind: Stat, Unit: Count, Description: "Requests of the last 5 minutes to the generation that got the fewest. One error of 90 requests is over 1% already.",
				Queries: ask("min(sum by (pod_template_hash) (increase("+of(requests+"_count", served)+"[5m])))", "requests")},
			{Title: "Rate by generation", Kind: Timeseries, Unit: PerSecond, Description: "Requests of each: the weight of the canary, as it is.",
				Queries: ask(rate(by, requests+"_count", served), legend)},
			{Title: "Errors by generation", Kind: Timeseries, Unit: Share, Description: "Share of each generation's requests that ended in an error.",
				Queries: ask(failing(by, requests, served), legend), Thresholds: l.of(config.ErrorRate)},
			{Title: "p95 by generation", Kind: Timeseries, Unit: Seconds, Description: "95% of each generation's requests took less.",
				Queries: ask(quantile(0.95, by, requests, served), legend), Thresholds: l.latency(0.95)},
			{Title: "p99 by generation", Kind: Timeseries, Unit: Seconds, Description: "99% of each generation's requests took less.",
				Queries: ask(quantile(0.99, by, requests, served), legend), Thresholds: l.latency(0.99)},
			{Title: "CPU by generation", Kind: Timeseries, Unit: Cores, Description: "CPU of each generation's pods, on average.",
				Queries: ask("avg by ("+by+") (rate("+of("process_cpu_seconds_total")+"[$__rate_interval]))", legend)},
			{Title: "Cache hits by generation", Kind: Timeseries, Unit: Share, Description: "A new generation begins with an empty memory.",
				Queries: ask(cacheHits(by), legend), Thresholds: l.of(config.CacheHit)},
			{Title: "Rollouts", Kind: Table, Unit: Count, Description: "What Argo Rollouts says of each rollout.",
				Queries:       ask(`max by (namespace, name, strategy, phase) (rollout_info{namespace=~"$namespace"}) > 0`, "rollouts"),
				PossiblyEmpty: noRollouts},
			{Title: "Phases of rollouts", Kind: Timeseries, Unit: Count, Description: "Which phase each rollout is in. Argo Rollouts will drop this metric for rollout_info.",
				Queries:       ask(`max by (name, phase) (rollout_phase{namespace=~"$namespace"})`, "{{name}} {{phase}}"),
				PossiblyEmpty: noRollouts},
		},
	}
}

func continuousIntegration() Dashboard {
	return Dashboard{
		UID: "pocctl-ci", Title: "CI durations",
		Description: "How long does a change wait for CI, and what does it wait for?",
		Panels: []Panel{
			{Title: "Longest", Kind: Stat, Unit: Seconds, Description: "The workflow that took the longest, the last time it ran.",
				Queries: ask("max("+ciDuration+")", "longest"), PossiblyEmpty: ciAbsent},
			{Title: "Workflows", Kind: Stat, Unit: Count, Description: "Workflows which a duration is known of.",
				Queries: ask("count(count by (workflow) ("+ciDuration+"))", "workflows"), PossiblyEmpty: ciAbsent},
			{Title: "Duration by workflow", Kind: Timeseries, Unit: Seconds, Description: "Of the last run of each.",
				Queries: ask("max by (workflow) ("+ciDuration+")", "{{workflow}}"), PossiblyEmpty: ciAbsent},
			{Title: "Last runs", Kind: Table, Unit: Seconds, Description: "The last run of each workflow, the longest first.",
				Queries: ask("sort_desc(max by (workflow) ("+ciDuration+"))", "duration"), PossiblyEmpty: ciAbsent},
		},
	}
}
