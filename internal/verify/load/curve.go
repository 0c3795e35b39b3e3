package load

import (
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Percentile is the time, in milliseconds, within which a share of the requests lies.
type Percentile struct {
	Quantile float64 `json:"quantile"` // 0.95 for p95
	Latency  float64 `json:"latency"`
	Service  float64 `json:"service"`
	Lag      float64 `json:"lag"`
}

// Bar counts requests by their latency.
type Bar struct {
	Below float64 `json:"below"` // milliseconds; those of a bar took at least what the one before is below
	Count int64   `json:"count"`
}

// curve gives percentiles as far as the samples reach: ten from each nine to the
// next, so that a tail of few requests is drawn as finely as the bulk.
func curve(latency, service, lag *hdr.Histogram) []Percentile {
	const perNine = 10
	samples := float64(latency.TotalCount())
	if samples == 0 {
		return nil
	}
	var made []Percentile
	for i := 1; ; i++ {
		above := math.Pow(10, -float64(i)/perNine) // the share that takes longer
		if above*samples < 1 {
			break
		}
		made = append(made, percentile(1-above, latency, service, lag))
	}
	return append(made, percentile(1, latency, service, lag))
}

func percentile(share float64, latency, service, lag *hdr.Histogram) Percentile {
	return Percentile{
		Quantile: math.Round(share*1e6) / 1e6,
		Latency:  quantile(latency, share), Service: quantile(service, share), Lag: quantile(lag, share),
	}
}

// bars cut latencies into eight bars a decade, from the first that holds any to the last.
func bars(latency *hdr.Histogram) []Bar {
	const perDecade = 8
	counts := map[int]int64{}
	first, last := math.MaxInt, math.MinInt
	for _, one := range latency.Distribution() {
		if one.Count == 0 {
			continue
		}
		at := int(math.Floor(math.Log10(milliseconds(max(1, one.To)))*perDecade)) + 1
		counts[at] += one.Count
		first, last = min(first, at), max(last, at)
	}
	var made []Bar
	for at := first; at <= last; at++ {
		made = append(made, Bar{Below: round(math.Pow(10, float64(at)/perDecade)), Count: counts[at]})
	}
	return made
}

// round keeps three significant digits and more.
func round(value float64) float64 {
	scale := math.Pow(10, 3-math.Floor(math.Log10(value)))
	return math.Round(value*scale) / scale
}
