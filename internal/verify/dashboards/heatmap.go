package dashboards

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/pocctl/pocctl/internal/plot"
)

// bucket is how much fell between the bound below and its own at each time.
type bucket struct {
	bound  float64
	counts map[time.Time]float64
}

// heatmapOf draws buckets over time; has is false if nothing fell into any.
func heatmapOf(panel Panel, result Result, o Options) (drawn plot.Chart, has bool) {
	buckets := apart(result.Data)
	most := 0.0
	first, last := len(buckets), -1
	for i, one := range buckets {
		for _, count := range one.counts {
			if count > 0 {
				most, first, last = max(most, count), min(first, i), max(last, i)
			}
		}
	}
	if last < 0 {
		return plot.Chart{}, false
	}
	below := func(i int) float64 {
		if i == 0 {
			return 0
		}
		return buckets[i-1].bound
	}
	from, to := result.At.Add(-o.Range), result.At
	f := frame(from, to, 0, float64(last-first+1))
	drawn.Size, drawn.Name, drawn.Across = f.Size, named(panel), f.Times(from, to)
	every := (last-first)/8 + 1
	for i := first; i <= last+1; i++ {
		if (i-first)%every == 0 {
			drawn.Down = append(drawn.Down, plot.Mark{At: plot.Decimal(f.Y(float64(i - first))), Text: bound(panel.Unit, below(i))})
		}
	}
	for _, limit := range panel.Thresholds {
		at := slices.IndexFunc(buckets, func(b bucket) bool { return b.bound == limit.Value })
		if at >= first && at <= last {
			drawn.Limits = append(drawn.Limits, plot.Mark{At: plot.Decimal(f.Y(float64(at - first + 1))), Text: limit.Label})
		} else if limit.Value > below(last) {
			drawn.Beyond = append(drawn.Beyond, limit.Label)
		}
	}
	width := (f.Right - f.Left) * float64(o.step()) / float64(o.Range)
	for i := first; i <= last; i++ {
		for _, at := range times(buckets[i]) {
			count := buckets[i].counts[at]
			x := max(f.Left, f.X(plot.Since(at))-width)
			top := f.Y(float64(i - first + 1))
			if count <= 0 || f.X(plot.Since(at)) <= f.Left {
				continue
			}
			drawn.Cells = append(drawn.Cells, plot.Cell{
				X: plot.Decimal(x), Y: plot.Decimal(top), W: plot.Decimal(f.X(plot.Since(at)) - x), H: plot.Decimal(f.Y(float64(i-first)) - top),
				// The root keeps single slow requests in sight beside thousands.
				Strength: fmt.Sprintf("%.2f", 0.08+0.92*math.Sqrt(count/most)),
				Title: fmt.Sprintf("%s: %s of %s to %s", at.Format("15:04:05"), Count.Format(count),
					bound(panel.Unit, below(i)), bound(panel.Unit, buckets[i].bound)),
			})
		}
	}
	return drawn, true
}

// apart takes from each bucket what the one below has, too: Prometheus' are cumulative.
func apart(data []Series) []bucket {
	var all []bucket
	for _, series := range data {
		upper, err := strconv.ParseFloat(series.Labels["le"], 64)
		if err != nil {
			continue
		}
		one := bucket{upper, map[time.Time]float64{}}
		for _, point := range series.Points {
			if plot.Finite(point.Value) {
				one.counts[point.At] = point.Value
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	for i := len(all) - 1; i > 0; i-- {
		for at := range all[i].counts {
			// Increases are extrapolated, so that a difference of nothing isn't quite 0.
			less := all[i].counts[at] - all[i-1].counts[at]
			if less < 1e-6 {
				less = 0
			}
			all[i].counts[at] = less
		}
	}
	return all
}

func times(b bucket) []time.Time {
	var all []time.Time
	for at := range b.counts {
		all = append(all, at)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func bound(unit Unit, value float64) string {
	if math.IsInf(value, 1) {
		return "more"
	}
	return unit.Format(value)
}
