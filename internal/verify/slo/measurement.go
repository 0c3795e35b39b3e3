package slo

import "github.com/pocctl/pocctl/internal/verify/load"

// Measurement is what objectives are judged by.
type Measurement struct {
	Requests    int64 // that were sent
	Failed      int64 // that did not get the answer they should
	Unavailable int64 // those of Failed that got none, or a 5xx
	CacheHits   int64
	CacheMisses int64
	// Latency is that of requests that got their answer or timed out.
	Latency Latency
}

// Latency is a distribution of times in milliseconds.
type Latency interface {
	// At gives the time within which the share quantile of requests lies.
	At(quantile float64) float64
	// AtLeast counts the requests that took limit or more.
	AtLeast(limit float64) int64
	// Samples counts all.
	Samples() int64
}

// Measured takes a load's result as a measurement.
func Measured(result load.Result) Measurement {
	total := result.Total
	return Measurement{
		Requests: total.Sent, Failed: total.Failed, Unavailable: total.Unavailable,
		CacheHits: total.CacheHits, CacheMisses: total.CacheMisses,
		Latency: total.Latency,
	}
}
