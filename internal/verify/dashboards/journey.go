package dashboards

import "github.com/pocctl/pocctl/internal/config"

// step is one that a customer takes.
type step struct{ name, method, route string }

func (s step) matchers() []string {
	return []string{`http_request_method="` + s.method + `"`, `http_route="` + s.route + `"`}
}

// steps are those on the way to an order.
func steps() []step {
	return []step{
		{"Search", "GET", "/api/v1/products/search"},
		{"Product", "GET", "/api/v1/products/:id"},
		{"Order", "POST", "/api/v1/orders"},
	}
}

func journey(l limits) Dashboard {
	each := func(expr func(step) string) []Query {
		var all []Query
		for _, one := range steps() {
			all = append(all, Query{expr(one), one.name})
		}
		return all
	}
	search, product, order := steps()[0], steps()[1], steps()[2]
	ratio := func(of, to step) string {
		return rate("", requests+"_count", of.matchers()...) + " / (" + rate("", requests+"_count", to.matchers()...) + " > 0)"
	}
	return Dashboard{
		UID: "pocctl-journey", Title: "User journey",
		Description: "Do people find a product, look at it and order it?",
		Panels: append([]Panel{
			{Title: "Products for a search", Kind: Stat, Unit: Count, Description: "Products that were looked at, by searches.",
				Queries: ask(ratio(product, search), "products")},
			{Title: "Orders for a product", Kind: Stat, Unit: Share, Description: "Orders, by products that were looked at.",
				Queries: ask(ratio(order, product), "orders")},
			{Title: "Steps", Kind: Timeseries, Unit: PerSecond, Description: "How often each step is taken.",
				Queries: each(func(s step) string { return rate("", requests+"_count", s.matchers()...) })},
			{Title: "Errors by step", Kind: Timeseries, Unit: Share, Description: "Share of each step's requests that ended in an error of the service's.",
				Queries: each(func(s step) string { return failing("", requests, s.matchers()...) }), Thresholds: l.of(config.ErrorRate)},
			{Title: "p50 by step", Kind: Timeseries, Unit: Seconds, Description: "Half of each step's requests took less.",
				Queries: each(func(s step) string { return quantile(0.5, "", requests, s.matchers()...) })},
			{Title: "p95 by step", Kind: Timeseries, Unit: Seconds, Description: "95% of each step's requests took less.",
				Queries: each(func(s step) string { return quantile(0.95, "", requests, s.matchers()...) }), Thresholds: l.latency(0.95)},
			{Title: "Answers to orders", Kind: Timeseries, Unit: PerSecond, Description: "Orders by status: 201 is accepted.",
				Queries: ask(rate("http_response_status_code", requests+"_count", order.matchers()...), "{{http_response_status_code}}")},
			{Title: "What becomes of orders", Kind: Timeseries, Unit: PerSecond, Description: "Attempts to reserve and to confirm, by outcome: how far orders get.",
				Queries: ask(rate("messaging_destination_name, outcome", jobs+"_count"), "{{messaging_destination_name}} {{outcome}}")},
			{Title: "Orders that wait", Kind: Timeseries, Unit: Count, Description: "Jobs of orders that aren't done, by state.",
				Queries: ask("max by (state) ("+of("queue_jobs", `state=~"available|running|retryable|scheduled"`)+")", "{{state}}")},
		}, fromOutside()...),
	}
}
