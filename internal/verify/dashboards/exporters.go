package dashboards

import (
	"fmt"

	"github.com/pocctl/pocctl/internal/config"
)

// Why panels of what others give may be empty.
const (
	noPostgresExporter = "The exporter of Postgres isn't there, or isn't scraped."
	noRedisExporter    = "The exporter of Redis isn't there, or isn't scraped."
	redisTellsLess     = "The exporter of Redis isn't scraped; or Redis is the compiled-in one, which tells of its clients alone."
	noIngressMetrics   = "The ingress isn't ingress-nginx, nor that of the local environment, or isn't scraped."
	noProbes           = "No blackbox exporter is told what to ask."
)

// within selects series of the chosen namespaces, of whatever job.
func within(metric string) string { return metric + `{namespace=~"$namespace"}` }

// rateWithin is how many a second.
func rateWithin(by, metric string) string {
	return fmt.Sprintf("%s(rate(%s[$__rate_interval]))", sum(by), within(metric))
}

// ofThemselves are what Postgres and Redis say, not what the service sees of them.
func ofThemselves(l limits) []Panel {
	return []Panel{
		{Title: "Postgres takes connections", Kind: Stat, Unit: Count, Description: "1 while its exporter can connect.",
			Queries: ask("min("+within("pg_up")+")", "up"), PossiblyEmpty: noPostgresExporter},
		{Title: "Redis takes connections", Kind: Stat, Unit: Count, Description: "1 while its exporter can connect.",
			Queries: ask("min("+within("redis_up")+")", "up"), PossiblyEmpty: noRedisExporter},
		{Title: "Connections of Postgres", Kind: Timeseries, Unit: Share, Description: "Taken by everybody, idle ones too, of the most that it allows.",
			Queries:    ask("sum by (instance) ("+within("pg_stat_activity_count")+") / max by (instance) ("+within("pg_settings_max_connections")+")", "{{instance}}"),
			Thresholds: l.of(config.DatabaseConnections), PossiblyEmpty: noPostgresExporter},
		{Title: "Connections of Postgres by state", Kind: Timeseries, Unit: Count, Description: "Many that are idle in a transaction hold locks for nothing.",
			Queries: ask("sum by (state) ("+within("pg_stat_activity_count")+")", "{{state}}"), PossiblyEmpty: noPostgresExporter},
		{Title: "Transactions", Kind: Timeseries, Unit: PerSecond, Description: "Of Postgres, whoever asked.",
			Queries: []Query{
				{rateWithin("", "pg_stat_database_xact_commit"), "committed"},
				{rateWithin("", "pg_stat_database_xact_rollback"), "rolled back"},
			}, PossiblyEmpty: noPostgresExporter},
		{Title: "Oldest transaction", Kind: Timeseries, Unit: Seconds, Description: "An old one keeps vacuum from clearing up.",
			Queries: ask("max by (datname) ("+within("pg_stat_activity_max_tx_duration")+")", "{{datname}}"), PossiblyEmpty: noPostgresExporter},
		{Title: "Blocks from memory", Kind: Timeseries, Unit: Share, Description: "Share of blocks that Postgres found in its shared buffers.",
			Queries:       ask(rateWithin("", "pg_stat_database_blks_hit")+" / (("+rateWithin("", "pg_stat_database_blks_hit")+" + "+rateWithin("", "pg_stat_database_blks_read")+") > 0)", "hits"),
			PossiblyEmpty: noPostgresExporter},
		{Title: "Deadlocks", Kind: Timeseries, Unit: PerSecond, Description: "Each ended a transaction.",
			Queries: ask(rateWithin("datname", "pg_stat_database_deadlocks"), "{{datname}}"), PossiblyEmpty: noPostgresExporter},
		{Title: "Size of databases", Kind: Timeseries, Unit: Bytes, Description: "On disk.",
			Queries: ask("max by (datname) ("+within("pg_database_size_bytes")+")", "{{datname}}"), PossiblyEmpty: noPostgresExporter},
		{Title: "Clients of Redis", Kind: Timeseries, Unit: Count, Description: "Connections, and those that wait in a blocking command.",
			Queries: []Query{
				{"sum(" + within("redis_connected_clients") + ")", "connected"},
				{"sum(" + within("redis_blocked_clients") + ")", "blocked"},
			}, PossiblyEmpty: noRedisExporter},
		{Title: "Memory of Redis", Kind: Timeseries, Unit: Bytes, Description: "At the limit, keys are evicted.",
			Queries: []Query{
				{"sum(" + within("redis_memory_used_bytes") + ")", "used"},
				{"sum(" + within("redis_memory_max_bytes") + " > 0)", "limit"},
			}, PossiblyEmpty: redisTellsLess},
		{Title: "Commands of Redis", Kind: Timeseries, Unit: PerSecond, Description: "By command.",
			Queries: ask(rateWithin("cmd", "redis_commands_total"), "{{cmd}}"), PossiblyEmpty: redisTellsLess},
		{Title: "Lookups in Redis", Kind: Timeseries, Unit: Share, Description: "Share of them that found their key. What memory answers never gets here.",
			Queries:       ask(rateWithin("", "redis_keyspace_hits_total")+" / (("+rateWithin("", "redis_keyspace_hits_total")+" + "+rateWithin("", "redis_keyspace_misses_total")+") > 0)", "found"),
			PossiblyEmpty: redisTellsLess},
		{Title: "Keys that Redis gave up", Kind: Timeseries, Unit: PerSecond, Description: "Evicted for want of memory, or expired.",
			Queries: []Query{
				{rateWithin("", "redis_evicted_keys_total"), "evicted"},
				{rateWithin("", "redis_expired_keys_total"), "expired"},
			}, PossiblyEmpty: redisTellsLess},
	}
}

// fromOutside are what comes in, and what is asked as people would.
func fromOutside() []Panel {
	const ingress, duration = "nginx_ingress_controller_requests", "nginx_ingress_controller_request_duration_seconds"
	return []Panel{
		{Title: "Probes", Kind: Timeseries, Unit: Count, Description: "1 while an address answers as it should, asked from outside.",
			Queries: ask("min by (instance) (probe_success)", "{{instance}}"), PossiblyEmpty: noProbes},
		{Title: "Time of probes", Kind: Timeseries, Unit: Seconds, Description: "How long each took, connection and all.",
			Queries: ask("max by (instance) (probe_duration_seconds)", "{{instance}}"), PossiblyEmpty: noProbes},
		{Title: "Since a smoke test passed", Kind: Timeseries, Unit: Seconds, Description: "How long ago the scheduled transaction last went well.",
			Queries:       ask(`max by (cronjob) (time() - kube_cronjob_status_last_successful_time{cronjob=~".+-smoke"})`, "{{cronjob}}"),
			PossiblyEmpty: "The smoke test isn't scheduled, hasn't run yet, or nobody gives metrics of CronJobs."},
		{Title: "Certificates", Kind: Timeseries, Unit: Seconds, Description: "How long the first that ends is still good for.",
			Queries:       ask("min by (instance) (probe_ssl_earliest_cert_expiry - time())", "{{instance}}"),
			PossiblyEmpty: "Nothing is asked by TLS, as on the local environment."},
		{Title: "Requests at the ingress", Kind: Timeseries, Unit: PerSecond, Description: "By the Ingress that took them, and status.",
			Queries: ask("sum by (ingress, status) (rate("+ingress+"[$__rate_interval]))", "{{ingress}} {{status}}"), PossiblyEmpty: noIngressMetrics},
		{Title: "Errors at the ingress", Kind: Timeseries, Unit: Share, Description: "Share of each Ingress' requests that ended in a 5xx, the ingress' own included.",
			Queries: ask("(sum by (ingress) (rate("+ingress+`{status=~"5.."}[$__rate_interval])) or 0 * sum by (ingress) (rate(`+ingress+"[$__rate_interval]))) / (sum by (ingress) (rate("+
				ingress+"[$__rate_interval])) > 0)", "{{ingress}}"), PossiblyEmpty: noIngressMetrics},
		{Title: "p95 at the ingress", Kind: Timeseries, Unit: Seconds, Description: "95% of each Ingress' requests took less, from header to the end of the answer.",
			Queries: ask("histogram_quantile(0.95, sum by (le, ingress) (rate("+duration+"_bucket[$__rate_interval])))", "{{ingress}}"), PossiblyEmpty: noIngressMetrics},
	}
}
