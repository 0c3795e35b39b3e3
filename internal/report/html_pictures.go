package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/pocctl/pocctl/internal/plot"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// pictures are those of a load; nil where there is nothing to draw.
type pictures struct{ latency, rate, trouble, curve, bars, lag *plot.Chart }

// column is a line of the timeline.
type column struct {
	name  string
	value func(load.Interval) float64
}

func picturesOf(result load.Result, limits map[string]float64) pictures {
	line := result.Timeline
	if len(line.Intervals) == 0 {
		return pictures{}
	}
	perSecond := func(count int64) float64 { return float64(count) / line.Seconds }
	return pictures{
		latency: overTime(result, plot.Large(), "Latency over time", plot.Seconds, limits, []column{
			{"p50", func(i load.Interval) float64 { return i.P50 / 1000 }},
			{"p95", func(i load.Interval) float64 { return i.P95 / 1000 }},
			{"p99", func(i load.Interval) float64 { return i.P99 / 1000 }},
		}),
		rate: overTime(result, plot.Small(), "Requests a second over time", plot.PerSecond, nil, []column{
			{"due", func(i load.Interval) float64 { return perSecond(i.Due) }},
			{"sent", func(i load.Interval) float64 { return perSecond(i.Sent) }},
			{"answered", func(i load.Interval) float64 { return perSecond(i.Answered) }},
		}),
		trouble: overTime(result, plot.Small(), "Failures a second over time", plot.PerSecond, nil, []column{
			{"failed", func(i load.Interval) float64 { return perSecond(i.Failed) }},
			{"never sent", func(i load.Interval) float64 { return perSecond(i.Unsent) }},
		}),
		lag: overTime(result, plot.Small(), "Scheduler lag over time", plot.Seconds, nil, []column{
			{"p99 of how late requests left", func(i load.Interval) float64 { return i.LagP99 / 1000 }},
		}),
		curve: curveOf(result.Percentiles, limits),
		bars:  barsOf(result.Bars, limits),
	}
}

// overTime draws columns of the timeline, with the stages behind them.
func overTime(result load.Result, size plot.Size, name string, unit plot.Unit, limits map[string]float64, columns []column) *plot.Chart {
	intervals, step := result.Timeline.Intervals, result.Timeline.Seconds
	begin, end := intervals[0].At, intervals[len(intervals)-1].At+step
	drawn := &plot.Chart{Size: size, Name: name}
	lines, top := make([][]plot.Point, len(columns)), 0.0
	for i, column := range columns {
		for _, interval := range intervals {
			// A value is of a whole interval, so that it stands in its middle.
			point := plot.Point{X: interval.At + step/2, Y: column.value(interval)}
			lines[i], top = append(lines[i], point), max(top, point.Y)
		}
	}
	var shown []string
	for _, label := range sortedKeys(limits) {
		if limit := limits[label] / 1000; top > 0 && limit > 6*top {
			drawn.Beyond = append(drawn.Beyond, label) // it would press the lines flat
		} else {
			shown, top = append(shown, label), max(top, 1.05*limit) // its name needs room above it
		}
	}
	if top <= 0 {
		top = unit.Least()
	}
	ticks := unit.Ticks(0, top)
	f := plot.Frame{Size: size, Across: plot.Axis{From: begin, To: end}, Down: plot.Axis{To: ticks[len(ticks)-1]}}
	drawn.Down = f.DownMarks(unit, ticks)
	for _, at := range plot.Seconds.Ticks(begin, end) {
		if at >= begin && at <= end {
			drawn.Across = append(drawn.Across, plot.Mark{At: plot.Decimal(f.X(at)), Text: plot.Seconds.Axis(at, end)})
		}
	}
	drawn.Bands = bandsOf(result.Plan, f, size.Wide > plot.Small().Wide)
	for _, label := range shown {
		drawn.Limits = append(drawn.Limits, plot.Mark{At: plot.Decimal(f.Y(limits[label] / 1000)), Text: label})
	}
	for i, column := range columns {
		last, most := lines[i][len(lines[i])-1].Y, 0.0
		for _, point := range lines[i] {
			most = max(most, point.Y)
		}
		drawn.Lines = append(drawn.Lines, plot.Line{
			Colour: i + 1, Name: column.name, Path: f.Path(lines[i], step*1.5), Last: unit.Format(last), Most: unit.Format(most),
		})
	}
	return drawn
}

// bandsOf shades the warm-up and every second stage. A small picture has no room for
// their names.
func bandsOf(plan []load.Span, f plot.Frame, names bool) []plot.Band {
	var bands []plot.Band
	for i, span := range plan {
		left, right := max(f.Left, f.X(span.At)), min(f.Right, f.X(span.At+span.Seconds))
		if right <= left {
			continue
		}
		band := plot.Band{Plain: i%2 == 1 && !span.Warmup, X: plot.Decimal(left), W: plot.Decimal(right - left), Middle: plot.Decimal((left + right) / 2), Faint: span.Warmup}
		if names && right-left > 34 {
			band.Name = span.Name
		}
		bands = append(bands, band)
	}
	return bands
}

// curveOf draws how long the slowest took, with as much room for the last percent as
// for the ninety before it.
func curveOf(percentiles []load.Percentile, limits map[string]float64) *plot.Chart {
	nines := func(quantile float64) float64 { return -math.Log10(1 - quantile) }
	const least = 0.01 // ms: what is quicker is drawn as this
	var low, high, far = math.Inf(1), 0.0, 0.0
	curves := []struct {
		name  string
		value func(load.Percentile) float64
		line  []plot.Point
	}{
		{name: "latency", value: func(p load.Percentile) float64 { return p.Latency }},
		{name: "service time", value: func(p load.Percentile) float64 { return p.Service }},
		{name: "scheduler lag", value: func(p load.Percentile) float64 { return p.Lag }},
	}
	for i := range curves {
		for _, one := range percentiles {
			if one.Quantile >= 1 {
				continue // has no place on this axis; the table has it
			}
			y := max(least, curves[i].value(one))
			low, high, far = min(low, y), max(high, y), max(far, nines(one.Quantile))
			curves[i].line = append(curves[i].line, plot.Point{X: nines(one.Quantile), Y: y})
		}
	}
	if far == 0 {
		return nil
	}
	drawn := &plot.Chart{Size: plot.Small(), Name: "Time within which a share of the requests lies, by that share", LastIs: "p99", MostIs: "slowest"}
	for _, label := range sortedKeys(limits) {
		high = max(high, 1.05*limits[label])
	}
	ticks := plot.LogTicks(low, high)
	f := plot.Frame{Size: drawn.Size, Across: plot.Axis{To: far}, Down: plot.Axis{From: ticks[0], To: ticks[len(ticks)-1], Log: true}}
	for _, tick := range ticks {
		drawn.Down = append(drawn.Down, plot.Mark{At: plot.Decimal(f.Y(tick)), Text: times(tick)})
	}
	for _, quantile := range []float64{0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999} {
		if nines(quantile) <= far+0.01 {
			drawn.Across = append(drawn.Across, plot.Mark{At: plot.Decimal(f.X(nines(quantile))), Text: fmt.Sprintf("p%v", math.Round(quantile*1e7)/1e5)})
		}
	}
	for _, label := range sortedKeys(limits) {
		drawn.Limits = append(drawn.Limits, plot.Mark{At: plot.Decimal(f.Y(limits[label])), Text: label})
	}
	for i, one := range curves {
		p99 := 0.0
		for _, percentile := range percentiles {
			if percentile.Quantile <= 0.99 {
				p99 = one.value(percentile)
			}
		}
		drawn.Lines = append(drawn.Lines, plot.Line{
			Colour: i + 1, Name: one.name, Path: f.Path(one.line, math.Inf(1)), Last: times(p99), Most: times(one.value(percentiles[len(percentiles)-1])),
		})
	}
	return drawn
}

// barsOf draws how many requests took how long.
func barsOf(bars []load.Bar, limits map[string]float64) *plot.Chart {
	if len(bars) == 0 {
		return nil
	}
	most, step := int64(0), math.Pow(10, 1.0/8)
	for _, bar := range bars {
		most = max(most, bar.Count)
	}
	low, high := bars[0].Below/step, bars[len(bars)-1].Below
	for _, limit := range limits {
		high = max(high, limit*step)
	}
	drawn := &plot.Chart{Size: plot.Small(), Name: "How many requests took how long"}
	ticks := plot.Count.Ticks(0, float64(most))
	f := plot.Frame{Size: drawn.Size, Across: plot.Axis{From: low, To: high, Log: true}, Down: plot.Axis{To: ticks[len(ticks)-1]}}
	drawn.Down = f.DownMarks(plot.Count, ticks)
	for _, tick := range plot.LogTicks(low, high) {
		if tick >= low && tick <= high {
			drawn.Across = append(drawn.Across, plot.Mark{At: plot.Decimal(f.X(tick)), Text: times(tick)})
		}
	}
	for _, label := range sortedKeys(limits) {
		drawn.Walls = append(drawn.Walls, plot.Mark{At: plot.Decimal(f.X(limits[label])), Text: label})
	}
	for _, bar := range bars {
		if bar.Count == 0 {
			continue
		}
		left, right := f.X(bar.Below/step), f.X(bar.Below)
		height := max(1, f.Bottom-f.Y(float64(bar.Count))) // one of thousands is seen, too
		drawn.Bars = append(drawn.Bars, plot.Cell{
			X: plot.Decimal(left + 0.5), Y: plot.Decimal(f.Bottom - height), W: plot.Decimal(max(0.5, right-left-1)), H: plot.Decimal(height),
			Title: fmt.Sprintf("%s took %s to %s", count(bar.Count), times(bar.Below/step), times(bar.Below)),
		})
	}
	return drawn
}

func sortedKeys(limits map[string]float64) []string {
	var keys []string
	for key := range limits {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
