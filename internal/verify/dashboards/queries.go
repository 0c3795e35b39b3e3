package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/config"
)

// What is looked at: the pods that are chosen; of their requests those that people
// made, not probes and scrapes.
const (
	chosen = `namespace=~"$namespace",job=~"$job"`
	served = `http_route=~"/api/.*"`

	requests  = "http_server_request_duration_seconds"
	calls     = "rpc_server_call_duration_seconds"
	databases = "db_client_operation_duration_seconds"
	jobs      = "messaging_process_duration_seconds"
)

// of selects series of the chosen pods.
func of(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{chosen}, matchers...), ",") + "}"
}

// rate is how many a second, summed by labels.
func rate(by, metric string, matchers ...string) string {
	return fmt.Sprintf("%s(rate(%s[$__rate_interval]))", sum(by), of(metric, matchers...))
}

func sum(by string) string {
	if by == "" {
		return "sum"
	}
	return "sum by (" + by + ") "
}

// failing is the share of a histogram's events that ended in an error: 0 where none
// did, and nothing where there were none.
func failing(by, histogram string, matchers ...string) string {
	all := rate(by, histogram+"_count", matchers...)
	bad := rate(by, histogram+"_count", append(matchers, `error_type!=""`)...)
	return fmt.Sprintf("(%s or 0 * %s) / (%s > 0)", bad, all, all)
}

// quantile is estimated from the buckets of all pods together: those of single pods
// can't be averaged.
func quantile(q float64, by, histogram string, matchers ...string) string {
	labels := "le"
	if by != "" {
		labels += ", " + by
	}
	return fmt.Sprintf("histogram_quantile(%s, %s)", number(q), rate(labels, histogram+"_bucket", matchers...))
}

// quantiles are p50, p95 and p99, and those of the objectives for latency.
func (l limits) quantiles() []float64 {
	all := []float64{0.5, 0.95, 0.99}
	for _, objective := range l.objectives {
		if objective.Indicator == config.Latency {
			all = append(all, objective.Quantile)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// percentile names a quantile: p99.9.
func percentile(q float64) string { return "p" + number(100*q) }

// spread asks for several quantiles of one histogram.
func (l limits) spread(histogram string, matchers ...string) []Query {
	var all []Query
	for _, q := range l.quantiles() {
		all = append(all, Query{quantile(q, "", histogram, matchers...), percentile(q)})
	}
	return all
}

// ask is a panel's only query.
func ask(expr, legend string) []Query { return []Query{{expr, legend}} }
