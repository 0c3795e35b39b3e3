package dashboards

import "github.com/pocctl/pocctl/internal/config"

func capacity(l limits) Dashboard {
	cpu := "sum(rate(" + of("process_cpu_seconds_total") + "[$__rate_interval]))"
	return Dashboard{
		UID: "pocctl-capacity", Title: "Cost and capacity",
		Description: "What does it take to serve this, and how much room is left?",
		Panels: []Panel{
			{Title: "CPU", Kind: Stat, Unit: Cores, Description: "CPU of all replicas.", Queries: ask(cpu, "cores")},
			{Title: "Memory", Kind: Stat, Unit: Bytes, Description: "Memory that all replicas hold.",
				Queries: ask("sum("+of("process_resident_memory_bytes")+")", "memory")},
			{Title: "CPU of a request", Kind: Stat, Unit: Seconds, Description: "CPU of all replicas, by the requests to the API: what one more would take.",
				Queries: ask(cpu+" / ("+rate("", requests+"_count", served)+" > 0)", "of a request")},
			{Title: "CPU by replica", Kind: Timeseries, Unit: Cores, Description: "Of each process.",
				Queries: ask("sum by (pod) (rate("+of("process_cpu_seconds_total")+"[$__rate_interval]))", "{{pod}}")},
			{Title: "Memory by replica", Kind: Timeseries, Unit: Bytes, Description: "Resident memory of each process.",
				Queries: ask("sum by (pod) ("+of("process_resident_memory_bytes")+")", "{{pod}}")},
			{Title: "Heap by replica", Kind: Timeseries, Unit: Bytes, Description: "Memory that objects of the Go heap use.",
				Queries: ask("sum by (pod) ("+of("go_memstats_heap_alloc_bytes")+")", "{{pod}}")},
			{Title: "Goroutines by replica", Kind: Timeseries, Unit: Count, Description: "One that only grows is a leak.",
				Queries: ask("sum by (pod) ("+of("go_goroutines")+")", "{{pod}}")},
			{Title: "Connections by replica", Kind: Timeseries, Unit: Count, Description: "Connections of each pool, used or idle.",
				Queries: ask("sum by (pod, db_client_connection_pool_name) ("+of("db_client_connection_count")+")", "{{pod}} {{db_client_connection_pool_name}}")},
			{Title: "Connections to the database", Kind: Timeseries, Unit: Share, Description: "Used of what each replica may hold.",
				Queries: ask(connectionsUsed(), "{{pod}}"), Thresholds: l.of(config.DatabaseConnections)},
			{Title: "File descriptors by replica", Kind: Timeseries, Unit: Share, Description: "Open, of what each process may have.",
				Queries: ask("sum by (pod) ("+of("process_open_fds")+") / sum by (pod) ("+of("process_max_fds")+")", "{{pod}}")},
			{Title: "Room by lane", Kind: Timeseries, Unit: Share, Description: "Requests being worked on, of the most at once.",
				Queries: ask("sum by (lane) ("+of("concurrency_in_flight")+") / (sum by (lane) ("+of("concurrency_limit")+") > 0)", "{{lane}}")},
			{Title: "Waiting by lane", Kind: Timeseries, Unit: Count, Description: "Requests that wait for their turn.",
				Queries: ask("sum by (lane) ("+of("concurrency_queued")+")", "{{lane}}")},
		},
	}
}
