package load

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/pocctl/pocctl/internal/fault"
)

// Result is what a run measured; the warm-up is left out.
type Result struct {
	Started time.Time `json:"started"` // when the first measured request was due
	// Total is over all measured stages.
	Total  Figures   `json:"total"`
	Stages []Figures `json:"stages"`
	// Operations are the scenario's, with their latency.
	Operations []OperationFigures `json:"operations"`
	// Lag is how late requests left: the generator's own share of the latency.
	Lag Distribution `json:"lag"`
	// Connect is the time to set up a connection, TLS and the warm-up included.
	Connect Distribution `json:"connect"`
	// Plan is what was to be sent when.
	Plan []Span `json:"plan"`
	// Timeline is how it went, Percentiles and Bars how latency was distributed.
	Timeline    Timeline     `json:"timeline"`
	Percentiles []Percentile `json:"percentiles"`
	Bars        []Bar        `json:"bars"`
	// Wire is everything that went out, measured or not.
	Wire Wire `json:"wire"`
	// Proxy is the machine's, which every request went through; empty for none.
	Proxy string `json:"proxy,omitempty"`
	// Seed, Targets and Skew say which keys were asked for: a cache's hit ratio depends on them.
	Seed    uint64  `json:"seed"`
	Targets int     `json:"targets"`
	Skew    float64 `json:"skew"`
	// Interrupted says that the run was cut short; what stands here was measured before.
	Interrupted bool `json:"interrupted,omitempty"`
	// Void says why the rate was not held; empty if it was.
	Void string `json:"void,omitempty"`
	// Left counts things the load made and could not remove.
	Left int `json:"left,omitempty"`
}

// Figures are those of one stage, or of several.
type Figures struct {
	Name    string  `json:"name,omitempty"`
	Seconds float64 `json:"seconds"`
	Asked   float64 `json:"askedPerSecond"` // requests due
	Held    float64 `json:"heldPerSecond"`  // requests sent
	Sent    int64   `json:"sent"`
	// Unsent counts requests that were due and did not leave: the generator's failure.
	Unsent int64 `json:"unsent"`
	// Failed counts requests that did not get the answer they should.
	Failed int64 `json:"failed"`
	// Unavailable counts those of Failed that got none, or a 5xx.
	Unavailable int64 `json:"unavailable"`
	CacheHits   int64 `json:"cacheHits"`
	CacheMisses int64 `json:"cacheMisses"`
	// Latency counts from the moment a request was due. It is over requests that
	// got their answer and those that timed out; other failures come fast and
	// would flatter it.
	Latency Distribution `json:"latency"`
	// Service counts from the moment a request left, over the same requests.
	Service  Distribution     `json:"service"`
	Statuses map[string]int64 `json:"statuses"`
	// Errors counts failures by kind, for example "timeout" or "status 503".
	Errors map[string]int64 `json:"errors,omitempty"`
	// Example is what the first failure said.
	Example string `json:"example,omitempty"`
}

// OperationFigures are those of one operation.
type OperationFigures struct {
	Name    string       `json:"name"`
	Sent    int64        `json:"sent"`
	Failed  int64        `json:"failed"`
	Latency Distribution `json:"latency"`
}

// Distribution sums up times in milliseconds, to three significant digits.
type Distribution struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`

	histogram *hdr.Histogram
}

func summarise(histogram *hdr.Histogram) Distribution {
	d := Distribution{Count: histogram.TotalCount(), histogram: histogram}
	d.Mean = milliseconds(int64(histogram.Mean()))
	d.P50, d.P90, d.P95 = d.At(0.50), d.At(0.90), d.At(0.95)
	d.P99, d.P999, d.Max = d.At(0.99), d.At(0.999), milliseconds(histogram.Max())
	return d
}

// Samples counts the requests.
func (d Distribution) Samples() int64 { return d.Count }

// At gives the time, in milliseconds, within which that share of requests lies.
func (d Distribution) At(share float64) float64 {
	if d.histogram == nil {
		return 0
	}
	return quantile(d.histogram, share)
}

// AtLeast counts the requests that took limit milliseconds or more.
func (d Distribution) AtLeast(limit float64) int64 {
	if d.histogram == nil {
		return 0
	}
	var count int64
	for _, bar := range d.histogram.Distribution() {
		// A value on the limit may stand in a bar that begins a little below it.
		if bar.Count > 0 && milliseconds(bar.To) >= limit {
			count += bar.Count
		}
	}
	return count
}

func milliseconds(microseconds int64) float64 { return float64(microseconds) / 1000 }

// Held gives a fault.RateNotHeld if the measurement is void.
func (r Result) Held() error {
	if r.Void == "" {
		return nil
	}
	return fault.New(fault.RateNotHeld, "rate", fmt.Sprintf("%.0f", r.Total.Asked), "detail", r.Void)
}

func void(result Result, options Options) string {
	limit := milliseconds(options.MaxLag.Microseconds())
	switch {
	case result.Total.Unsent > 0:
		return fmt.Sprintf("%d of %d were never sent, with at most %d under way at once",
			result.Total.Unsent, result.Total.Unsent+result.Total.Sent, options.MaxInFlight)
	case result.Lag.P99 > limit:
		return fmt.Sprintf("1%% left %.0f ms late or later; at most %.0f ms are allowed", result.Lag.P99, limit)
	}
	return ""
}

// Times sums up times that were measured elsewhere.
func Times(took ...time.Duration) Distribution {
	histogram := newHistogram()
	for _, one := range took {
		record(histogram, one)
	}
	return summarise(histogram)
}
