package objectives

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// The metrics and their labels, as in the contract of telemetry. What is counted
// as bad is what the rules recorded by Prometheus count.
const (
	requestsMetric = "http_server_request_duration_seconds"
	readsMetric    = "cache_requests_total"

	routeLabel  = "http_route"
	errorLabel  = "error_type"
	resultLabel = "result"
)

// count is how many events there were, and how many were bad.
type count struct{ events, bad uint64 }

// tally is the metrics at one time.
type tally struct{ families []*dto.MetricFamily }

// of counts by an objective; measures is false for what these metrics don't tell.
func (t tally) of(objective Objective) (c count, measures bool) {
	switch objective.Indicator {
	case ErrorRate, Availability:
		return t.failed(), true
	case Latency:
		return t.slower(objective.Limit.Value / 1000)
	case CacheHit:
		return t.missed(), true
	}
	return count{}, false
}

// failed counts a 5xx as bad.
func (t tally) failed() (c count) {
	for _, served := range t.served() {
		requests := served.GetHistogram().GetSampleCount()
		c.events += requests
		if kind := label(served, errorLabel); len(kind) == 3 && kind[0] == '5' {
			c.bad += requests
		}
	}
	return c
}

// slower counts as bad what took more than limit seconds. It is only known if a
// bucket ends there: an estimate between two others would prove nothing.
func (t tally) slower(limit float64) (c count, known bool) {
	for _, served := range t.served() {
		histogram := served.GetHistogram()
		within, has := bucket(histogram, limit)
		if !has {
			return count{}, false
		}
		c.events += histogram.GetSampleCount()
		c.bad += histogram.GetSampleCount() - within
	}
	return c, true
}

// missed counts every read that is no hit as bad: one that goes past a cache that
// is away or switched off, too.
func (t tally) missed() (c count) {
	for _, reads := range t.metric(readsMetric) {
		number := uint64(reads.GetCounter().GetValue())
		c.events += number
		if label(reads, resultLabel) != "hit" {
			c.bad += number
		}
	}
	return c
}

// served is what people asked for: not probes, and not scrapes.
func (t tally) served() (of []*dto.Metric) {
	for _, requests := range t.metric(requestsMetric) {
		if strings.HasPrefix(label(requests, routeLabel), "/api/") {
			of = append(of, requests)
		}
	}
	return of
}

func (t tally) metric(name string) []*dto.Metric {
	for _, family := range t.families {
		if family.GetName() == name {
			return family.GetMetric()
		}
	}
	return nil
}

func label(of *dto.Metric, name string) string {
	for _, one := range of.GetLabel() {
		if one.GetName() == name {
			return one.GetValue()
		}
	}
	return ""
}

// bucket gives how many of a histogram's samples are at most bound.
func bucket(of *dto.Histogram, bound float64) (samples uint64, has bool) {
	for _, one := range of.GetBucket() {
		if one.GetUpperBound() == bound {
			return one.GetCumulativeCount(), true
		}
	}
	return 0, false
}
