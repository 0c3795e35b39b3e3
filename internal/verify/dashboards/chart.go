package dashboards

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/pocctl/pocctl/internal/plot"
)

// mostLines is how many can be told apart.
const mostLines = 8

// line is a series before it is drawn.
type line struct {
	plot.Line
	last    float64
	numbers []Point
}

// frame is that of a picture from a time to another.
func frame(from, to time.Time, low, high float64) plot.Frame {
	return plot.Frame{Size: plot.Small(), Across: plot.Axis{From: plot.Since(from), To: plot.Since(to)}, Down: plot.Axis{From: low, To: high}}
}

func named(panel Panel) string { return panel.Title + " in " + string(panel.Unit) + ", over time" }

// lineChart draws a panel's lines; has is false if there are none.
func lineChart(panel Panel, results []Result, o Options) (drawn plot.Chart, has bool) {
	var lines []line
	for _, result := range results {
		for _, series := range result.Data {
			one := line{Line: plot.Line{Name: panel.Queries[result.Query].named(series.Labels)}, numbers: series.Points}
			if !series.hasNumber() {
				continue
			}
			most := math.Inf(-1)
			for _, point := range series.Points {
				if plot.Finite(point.Value) {
					one.last, most = point.Value, max(most, point.Value)
				}
			}
			one.Last, one.Most = panel.Unit.Format(one.last), panel.Unit.Format(most)
			lines = append(lines, one)
		}
	}
	if len(lines) == 0 {
		return plot.Chart{}, false
	}
	drawn.Name = named(panel)
	if len(lines) > mostLines {
		// Those with the most now are the ones to look at.
		slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.last, a.last) })
		drawn.Omitted, lines = len(lines)-mostLines, lines[:mostLines]
	}
	low, top := extent(lines, slices.ContainsFunc(panel.Thresholds, func(t Threshold) bool { return t.Floor }))
	var shown []Threshold
	for _, limit := range panel.Thresholds {
		// A limit far above all there is would press it flat.
		if top > 0 && limit.Value > 6*top {
			drawn.Beyond = append(drawn.Beyond, limit.Label)
			continue
		}
		shown = append(shown, limit)
		top, low = max(top, limit.Value), min(low, limit.Value)
	}
	if top <= low {
		top = low + panel.Unit.Least()
	}
	ticks := panel.Unit.Ticks(low, top)
	from, to := results[0].At.Add(-o.Range), results[0].At
	f := frame(from, to, ticks[0], ticks[len(ticks)-1])
	drawn.Size, drawn.Down, drawn.Across = f.Size, f.DownMarks(panel.Unit, ticks), f.Times(from, to)
	for _, limit := range shown {
		drawn.Limits = append(drawn.Limits, plot.Mark{At: plot.Decimal(f.Y(limit.Value)), Text: limit.Label})
	}
	for i, one := range lines {
		one.Colour, one.Path = i+1, f.Path(points(one.numbers), o.step().Seconds()*1.5)
		drawn.Lines = append(drawn.Lines, one.Line)
	}
	return drawn, true
}

func points(numbers []Point) []plot.Point {
	made := make([]plot.Point, len(numbers))
	for i, one := range numbers {
		made[i] = plot.Point{X: plot.Since(one.At), Y: one.Value}
	}
	return made
}

// extent is from 0, or from the least below it, to the most. What has a floor to stay
// over is looked at near it, not from 0.
func extent(lines []line, floor bool) (low, most float64) {
	if floor {
		low, most = math.Inf(1), math.Inf(-1)
	}
	for _, one := range lines {
		for _, point := range one.numbers {
			if plot.Finite(point.Value) {
				low, most = min(low, point.Value), max(most, point.Value)
			}
		}
	}
	return low, most
}
