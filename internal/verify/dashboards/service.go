package dashboards

import "github.com/pocctl/pocctl/internal/config"

func service(l limits) Dashboard {
	route, byRoute := "{{http_request_method}} {{http_route}}", "http_request_method, http_route"
	return Dashboard{
		UID: "pocctl-service", Title: "Service overview",
		Description: "Does the service answer, how quickly, and which version is it?",
		Panels: []Panel{
			{Title: "Requests", Kind: Stat, Unit: PerSecond, Description: "Requests to the API, of all replicas.",
				Queries: ask(rate("", requests+"_count", served), "requests")},
			{Title: "Errors", Kind: Stat, Unit: Share, Description: "Share of requests that ended in an error of the service's.",
				Queries: ask(failing("", requests, served), "errors"), Thresholds: l.of(config.ErrorRate)},
			{Title: "p95", Kind: Stat, Unit: Seconds, Description: "95% of requests took less.",
				Queries: ask(quantile(0.95, "", requests, served), "p95"), Thresholds: l.latency(0.95)},
			{Title: "Replicas", Kind: Stat, Unit: Count, Description: "Targets that Prometheus reaches, workers included.",
				Queries: ask("sum("+of("up")+")", "up")},
			{Title: "Rate by route", Kind: Timeseries, Unit: PerSecond, Description: "Requests by what they asked for.",
				Queries: ask(rate(byRoute, requests+"_count", served), route)},
			{Title: "Errors by route", Kind: Timeseries, Unit: Share, Description: "Share of each route's requests that ended in an error of the service's.",
				Queries: ask(failing(byRoute, requests, served), route), Thresholds: l.of(config.ErrorRate)},
			{Title: "p95 by route", Kind: Timeseries, Unit: Seconds, Description: "95% of each route's requests took less.",
				Queries: ask(quantile(0.95, byRoute, requests, served), route), Thresholds: l.latency(0.95)},
			{Title: "Latency", Kind: Timeseries, Unit: Seconds, Description: "Quantiles of all requests to the API.",
				Queries: l.spread(requests, served), Thresholds: l.latencies()},
			{Title: "Latency distribution", Kind: Heatmap, Unit: Seconds, Description: "How many requests took how long: the stronger the colour, the more.",
				Queries: ask("sum by (le) (increase("+of(requests+"_bucket", served)+"[$__rate_interval]))", "{{le}}"), Thresholds: l.of(config.Latency)},
			{Title: "Statuses", Kind: Timeseries, Unit: PerSecond, Description: "Requests by the status they were answered with.",
				Queries: ask(rate("http_response_status_code", requests+"_count", served), "{{http_response_status_code}}")},
			{Title: "Active requests", Kind: Timeseries, Unit: Count, Description: "Requests being answered, by replica.",
				Queries: ask("sum by (pod) ("+of("http_server_active_requests")+")", "{{pod}}")},
			{Title: "gRPC calls", Kind: Timeseries, Unit: PerSecond, Description: "Calls by method and code.",
				Queries:       ask(rate("rpc_method, rpc_response_status_code", calls+"_count"), "{{rpc_method}} {{rpc_response_status_code}}"),
				PossiblyEmpty: "Nobody has called the service by gRPC."},
			{Title: "Refused for want of room", Kind: Timeseries, Unit: PerSecond, Description: "Requests that were shed, by lane and reason.",
				Queries:       ask(rate("lane, reason", "shed_requests_total"), "{{lane}} {{reason}}"),
				PossiblyEmpty: "The service has not had to shed anything."},
			{Title: "Refused by rate limits", Kind: Timeseries, Unit: PerSecond, Description: "Requests over somebody's budget.",
				Queries:       ask(rate("budget", "rate_limit_decisions_total", `outcome="limited"`), "{{budget}}"),
				PossiblyEmpty: "Nobody has gone over a budget."},
			{Title: "Versions", Kind: Table, Unit: Count, Description: "Replicas by version and generation.",
				Queries: ask("count by (job, version, pod_template_hash) ("+of("app_build_info")+")", "replicas")},
		},
	}
}
