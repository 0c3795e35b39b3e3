package dashboards

import "github.com/pocctl/pocctl/internal/config"

const (
	postgres = `db_client_connection_pool_name="postgresql"`
	used     = `db_client_connection_state="used"`
)

// connectionsUsed is the share of the most connections that a pod may hold.
func connectionsUsed() string {
	return "sum by (pod) (" + of("db_client_connection_count", postgres, used) + ") / sum by (pod) (" + of("db_client_connection_max", postgres) + ")"
}

func dependencies(l limits) Dashboard {
	system := "{{db_system_name}}"
	return Dashboard{
		UID: "pocctl-dependencies", Title: "Dependency health",
		Description: "Do the database, the cache and the queue keep up?",
		Panels: append([]Panel{
			{Title: "Cache hits", Kind: Stat, Unit: Share, Description: "Share of reads that the cache answered.",
				Queries: ask(cacheHits(""), "hits"), Thresholds: l.of(config.CacheHit)},
			{Title: "Connections used", Kind: Stat, Unit: Share, Description: "The replica that uses the most of what it may.",
				Queries: ask("max("+connectionsUsed()+")", "used"), Thresholds: l.of(config.DatabaseConnections)},
			{Title: "Queue lag", Kind: Stat, Unit: Seconds, Description: "How long the oldest job that could be worked on has waited.",
				Queries: ask("max("+of("queue_lag_seconds")+")", "lag"), Thresholds: l.alert("QueueLagHigh")},
			{Title: "Redis in use", Kind: Stat, Unit: Count, Description: "Replicas that use Redis; the others leave it alone because it failed.",
				Queries: ask("sum("+of("cache_up")+")", "replicas")},
			{Title: "Operations", Kind: Timeseries, Unit: PerSecond, Description: "What was asked of Postgres and Redis.",
				Queries: ask(rate("db_system_name, db_operation_name", databases+"_count"), system+" {{db_operation_name}}")},
			{Title: "p95 of operations", Kind: Timeseries, Unit: Seconds, Description: "95% of what was asked of each took less, as the service sees it.",
				Queries: ask(quantile(0.95, "db_system_name", databases), system)},
			{Title: "Failed operations", Kind: Timeseries, Unit: Share, Description: "Share of operations that weren't done.",
				Queries: ask(failing("db_system_name", databases), system)},
			{Title: "Connections used by replica", Kind: Timeseries, Unit: Share, Description: "Of the most that its pool may hold.",
				Queries: ask(connectionsUsed(), "{{pod}}"), Thresholds: l.of(config.DatabaseConnections)},
			{Title: "Waiting for a connection", Kind: Timeseries, Unit: Count, Description: "Who waits for a connection of the pool now.",
				Queries: ask("sum by (pod) ("+of("db_client_connection_pending_requests")+")", "{{pod}}")},
			{Title: "p95 of waits for a connection", Kind: Timeseries, Unit: Seconds, Description: "95% of connections were had sooner.",
				Queries: ask(quantile(0.95, "db_client_connection_pool_name", "db_client_connection_wait_time_seconds"), "{{db_client_connection_pool_name}}")},
			{Title: "CPU of the database", Kind: Timeseries, Unit: Share, Description: "Share of its limit that Postgres uses.",
				Queries: ask(`sum by (pod) (rate(container_cpu_usage_seconds_total{namespace=~"$namespace",pod=~"postgres.*",container="postgres"}[$__rate_interval]))`+
					` / sum by (pod) (container_spec_cpu_quota{namespace=~"$namespace",pod=~"postgres.*",container="postgres"} / container_spec_cpu_period{namespace=~"$namespace",pod=~"postgres.*",container="postgres"})`, "{{pod}}"),
				Thresholds:    l.of(config.DatabaseCPU),
				PossiblyEmpty: "Prometheus doesn't scrape the kubelet's cAdvisor, or Postgres has no limit of CPU."},
			{Title: "Reads of products", Kind: Timeseries, Unit: PerSecond, Description: "By what became of them, and the tier that answered.",
				Queries: ask(rate("result, tier", "cache_requests_total"), "{{result}} {{tier}}")},
			{Title: "Cache hits over time", Kind: Timeseries, Unit: Share, Description: "Share of reads that the cache answered, by replica.",
				Queries: ask(cacheHits("pod"), "{{pod}}"), Thresholds: l.of(config.CacheHit)},
			{Title: "Invalidations", Kind: Timeseries, Unit: PerSecond, Description: "Done, or deferred until Redis answers.",
				Queries: ask(rate("result", "cache_invalidations_total"), "{{result}}")},
			{Title: "Jobs", Kind: Timeseries, Unit: Count, Description: "By state. Every process sees the same queue, so the most that any saw counts.",
				Queries: ask("max by (state) ("+of("queue_jobs")+")", "{{state}}")},
			{Title: "Queue lag over time", Kind: Timeseries, Unit: Seconds, Description: "How long the oldest job that could be worked on has waited.",
				Queries: ask("max("+of("queue_lag_seconds")+")", "lag"), Thresholds: l.alert("QueueLagHigh")},
			{Title: "Attempts at jobs", Kind: Timeseries, Unit: PerSecond, Description: "By kind and outcome; dead is given up.",
				Queries: ask(rate("messaging_destination_name, outcome", jobs+"_count"), "{{messaging_destination_name}} {{outcome}}")},
			{Title: "p95 of jobs", Kind: Timeseries, Unit: Seconds, Description: "95% of attempts took less, by kind.",
				Queries: ask(quantile(0.95, "messaging_destination_name", jobs), "{{messaging_destination_name}}")},
		}, ofThemselves(l)...),
	}
}

// cacheHits counts reads that go past a cache that is away or switched off, too.
func cacheHits(by string) string {
	return rate(by, "cache_requests_total", `result="hit"`) + " / (" + rate(by, "cache_requests_total") + " > 0)"
}
