package rules

import (
	"fmt"
	"strconv"

	"github.com/pocctl/pocctl/internal/config"
)

// served selects what people asked the service for: not probes, and not scrapes.
const served = `http_route=~"/api/.*"`

// indicator is the share of events that an objective counts as bad, by job.
type indicator struct {
	objective config.Objective
	// bad and all are the increase of events in a window, as a format of its length.
	bad, all string
	// budget is the share that may be bad.
	budget float64
	// sparse says that series of bad have no value before the first one.
	sparse bool
}

// name is that of the recorded series over a window: slo:latency_p95:bad_ratio_5m.
func (i indicator) name(window string) string {
	return fmt.Sprintf("slo:%s:bad_ratio_%s", identifier(i.objective.Name), window)
}

// expression is 0 where nothing is bad, and has no value where nothing happened: a
// service that nobody asks is neither well nor unwell.
func (i indicator) expression(window string) string {
	bad, all := fmt.Sprintf(i.bad, window), fmt.Sprintf(i.all, window)
	if i.sparse {
		bad = fmt.Sprintf("(%s or 0 * %s)", bad, all)
	}
	return fmt.Sprintf("%s / (%s > 0)", bad, all)
}

// indicatorOf gives that of an objective which metrics of the service measure;
// has is false for those that they don't.
func indicatorOf(objective config.Objective) (i indicator, has bool) {
	limit := objective.Limit.Value
	const requests = `sum by (job) (increase(http_server_request_duration_seconds_count{` + served + `}[%s]))`
	switch objective.Indicator {
	case config.Availability:
		return indicator{
			objective: objective, all: requests, budget: 1 - limit/100, sparse: true,
			bad: `sum by (job) (increase(http_server_request_duration_seconds_count{` + served + `,error_type=~"5.."}[%s]))`,
		}, true
	case config.ErrorRate:
		return indicator{
			objective: objective, all: requests, budget: limit / 100, sparse: true,
			bad: `sum by (job) (increase(http_server_request_duration_seconds_count{` + served + `,error_type=~"5.."}[%s]))`,
		}, true
	case config.Latency:
		quick := `sum by (job) (increase(http_server_request_duration_seconds_bucket{` + served + `,le="` + seconds(limit) + `"}[%[1]s]))`
		return indicator{
			objective: objective, all: requests, budget: 1 - objective.Quantile,
			bad: `(sum by (job) (increase(http_server_request_duration_seconds_count{` + served + `}[%[1]s])) - ` + quick + `)`,
		}, true
	case config.CacheHit:
		return indicator{
			objective: objective, budget: 1 - limit/100, sparse: true,
			all: `sum by (job) (increase(cache_requests_total[%s]))`,
			// A read that goes past a cache that is away or switched off, too.
			bad: `sum by (job) (increase(cache_requests_total{result!="hit"}[%s]))`,
		}, true
	default:
		return indicator{}, false
	}
}

// seconds writes milliseconds as the bound of a bucket.
func seconds(milliseconds float64) string {
	return strconv.FormatFloat(milliseconds/1000, 'g', -1, 64)
}

// number writes a share without the noise of binary fractions.
func number(value float64) string { return strconv.FormatFloat(value, 'g', 6, 64) }
