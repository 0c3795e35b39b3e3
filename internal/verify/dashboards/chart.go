package dashboards

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The size of a picture, and the margins of its plot, in its own units.
const (
	wide, high                               = 460.0, 200.0
	leftEdge, rightEdge, topEdge, bottomEdge = 52.0, 442.0, 14.0, 176.0
	// mostLines is how many can be told apart.
	mostLines = 8
)

// chart is a picture of lines or of a heatmap.
type chart struct {
	Name         string // what it shows, for those who don't see it
	Across, Down []mark
	Lines        []line
	Limits       []mark
	Cells        []cell
	// Beyond are limits that are far above what there is.
	Beyond []string
	// Left out lines, because they are too many.
	Left int
}

// mark is a place on an axis.
type mark struct{ At, Text string }

// line is a series.
type line struct {
	Colour     int // from 1
	Name, Path string
	Last, Most string
	last       float64
	numbers    []Point
}

// cell is a part of a heatmap, the darker the more of Strength.
type cell struct{ X, Y, W, H, Strength, Title string }

// frame turns times and values into places.
type frame struct {
	from, to  time.Time
	low, high float64
}

func (f frame) x(at time.Time) float64 {
	return leftEdge + (rightEdge-leftEdge)*float64(at.Sub(f.from))/float64(f.to.Sub(f.from))
}

func (f frame) y(value float64) float64 {
	return bottomEdge - (bottomEdge-topEdge)*(value-f.low)/(f.high-f.low)
}

func decimal(value float64) string { return fmt.Sprintf("%.1f", value) }

// across marks times, five of them.
func (f frame) across() []mark {
	const parts = 4
	layout := "15:04"
	if span := f.to.Sub(f.from); span < parts*time.Minute {
		layout = "15:04:05"
	} else if span > 48*time.Hour {
		layout = "2 Jan"
	}
	var marks []mark
	for i := range parts + 1 {
		at := f.from.Add(f.to.Sub(f.from) * time.Duration(i) / parts)
		marks = append(marks, mark{decimal(f.x(at)), at.Format(layout)})
	}
	return marks
}

// lineChart draws a panel's lines; has is false if there are none.
func lineChart(panel Panel, results []Result, o Options) (drawn chart, has bool) {
	var lines []line
	for _, result := range results {
		for _, series := range result.Data {
			one := line{Name: panel.Queries[result.Query].named(series.Labels), numbers: series.Points}
			if !series.hasNumber() {
				continue
			}
			most := math.Inf(-1)
			for _, point := range series.Points {
				if finite(point.Value) {
					one.last, most = point.Value, max(most, point.Value)
				}
			}
			one.Last, one.Most = panel.Unit.format(one.last), panel.Unit.format(most)
			lines = append(lines, one)
		}
	}
	if len(lines) == 0 {
		return chart{}, false
	}
	drawn.Name = panel.Title
	if len(lines) > mostLines {
		// Those with the most now are the ones to look at.
		slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.last, a.last) })
		drawn.Left, lines = len(lines)-mostLines, lines[:mostLines]
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
		top = low + panel.Unit.least()
	}
	ticks := panel.Unit.ticks(low, top)
	f := frame{results[0].At.Add(-o.Range), results[0].At, ticks[0], ticks[len(ticks)-1]}
	for _, tick := range ticks {
		drawn.Down = append(drawn.Down, mark{decimal(f.y(tick)), panel.Unit.axis(tick, f.high)})
	}
	for _, limit := range shown {
		drawn.Limits = append(drawn.Limits, mark{decimal(f.y(limit.Value)), limit.Label})
	}
	drawn.Across = f.across()
	for i, one := range lines {
		one.Colour, one.Path = i+1, f.path(one.numbers, o.step())
		drawn.Lines = append(drawn.Lines, one)
	}
	return drawn, true
}

// extent is from 0, or from the least below it, to the most. What has a floor to stay
// over is looked at near it, not from 0.
func extent(lines []line, floor bool) (low, most float64) {
	if floor {
		low, most = math.Inf(1), math.Inf(-1)
	}
	for _, one := range lines {
		for _, point := range one.numbers {
			if finite(point.Value) {
				low, most = min(low, point.Value), max(most, point.Value)
			}
		}
	}
	return low, most
}

// least is what an axis goes up to if everything is 0.
func (u Unit) least() float64 {
	switch u {
	case Share:
		return 0.01
	case Bytes:
		return 1 << 20
	case Seconds:
		return 0.1
	case Count, PerSecond, Cores, Multiple:
		return 1
	}
	return 1
}

// path joins points, but not over times without any.
func (f frame) path(points []Point, step time.Duration) string {
	var path strings.Builder
	var before time.Time
	for _, point := range points {
		if !finite(point.Value) {
			before = time.Time{}
			continue
		}
		verb := "L"
		if before.IsZero() || point.At.Sub(before) > step*3/2 {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, f.x(point.At), f.y(point.Value))
		if verb == "M" {
			// A point without neighbours shows as a dot.
			path.WriteString("h0")
		}
		before = point.At
	}
	return path.String()
}
