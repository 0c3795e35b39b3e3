// Package plot draws lines, bars and cells as SVG inside of HTML pages that stand by
// themselves: no scripts, nothing asked of the network, light and dark.
package plot

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

//go:embed plot.css
var style string

//go:embed plot.html
var pictures string

// Style is the CSS of pictures and of the pages around them: colours, type, cards,
// tables. It goes before a page's own.
func Style() template.CSS { return template.CSS(style) } //nolint:gosec // the style is ours

// Templates defines "picture", which draws a *Chart, and "legend", which lists its lines.
func Templates() string { return pictures }

// Size is that of a picture, and of the margins of its plot, in its own units.
type Size struct{ Wide, High, Left, Right, Top, Bottom float64 }

// Small is for one of several pictures in a row.
func Small() Size { return Size{Wide: 460, High: 200, Left: 52, Right: 442, Top: 14, Bottom: 176} }

// Large is for a picture that has a row to itself.
func Large() Size { return Size{Wide: 940, High: 260, Left: 52, Right: 922, Top: 26, Bottom: 234} }

// Chart is a picture.
type Chart struct {
	Size
	Name         string // what it shows, for those who don't see it
	Across, Down []Mark
	Bands        []Band
	Lines        []Line
	// Limits are lines across, and Walls lines from top to bottom.
	Limits, Walls []Mark
	Cells, Bars   []Cell
	// Beyond are limits that are far above what there is.
	Beyond []string
	// Omitted counts lines that were left out, because they are too many.
	Omitted int
	// LastIs and MostIs are what the legend calls Line.Last and Line.Most, if not that.
	LastIs, MostIs string
}

// Mark is a place on an axis.
type Mark struct{ At, Text string }

// Band is a part of the picture from the left to the right, with a name.
type Band struct {
	X, W, Middle, Name string
	Faint              bool // what is in it doesn't count
	Plain              bool // it has no shade, only a name
}

// Line is a series.
type Line struct {
	Colour     int // from 1
	Name, Path string
	Last, Most string
}

// Cell is a part of a heatmap, the darker the more of Strength, or a bar.
type Cell struct{ X, Y, W, H, Strength, Title string }

// Point is a value at a place on the axis from left to right.
type Point struct{ X, Y float64 }

// Axis is what lies between two ends.
type Axis struct {
	From, To float64
	// Log has equal factors as far apart as each other. Both ends are above 0 then.
	Log bool
}

// share is where between the ends a value is: 0 at From, 1 at To.
func (a Axis) share(value float64) float64 {
	if a.Log {
		return (math.Log(max(value, a.From)) - math.Log(a.From)) / (math.Log(a.To) - math.Log(a.From))
	}
	return (value - a.From) / (a.To - a.From)
}

// Frame turns values into places of a picture.
type Frame struct {
	Size
	Across, Down Axis
}

// X is how far to the right a value is.
func (f Frame) X(value float64) float64 { return f.Left + (f.Right-f.Left)*f.Across.share(value) }

// Y is how far down a value is.
func (f Frame) Y(value float64) float64 { return f.Bottom - (f.Bottom-f.Top)*f.Down.share(value) }

// Decimal writes a place.
func Decimal(value float64) string { return fmt.Sprintf("%.1f", value) }

// Path joins points, but not over gaps that are wider than gap, nor over what is no
// number.
func (f Frame) Path(points []Point, gap float64) string {
	var path strings.Builder
	joined, before := false, 0.0
	for _, point := range points {
		if !Finite(point.Y) {
			joined = false
			continue
		}
		verb := "L"
		if !joined || point.X-before > gap {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, f.X(point.X), f.Y(point.Y))
		if verb == "M" {
			// A point without neighbours shows as a dot.
			path.WriteString("h0")
		}
		joined, before = true, point.X
	}
	return path.String()
}

// DownMarks labels round values on the axis upwards, all on one scale.
func (f Frame) DownMarks(unit Unit, ticks []float64) []Mark {
	var marks []Mark
	for _, tick := range ticks {
		marks = append(marks, Mark{Decimal(f.Y(tick)), unit.Axis(tick, f.Down.To)})
	}
	return marks
}

// Times labels five times between two, which are the ends of the axis across in seconds
// since 1970.
func (f Frame) Times(from, to time.Time) []Mark {
	const parts = 4
	layout := "15:04"
	if span := to.Sub(from); span < parts*time.Minute {
		layout = "15:04:05"
	} else if span > 48*time.Hour {
		layout = "2 Jan"
	}
	var marks []Mark
	for i := range parts + 1 {
		at := from.Add(to.Sub(from) * time.Duration(i) / parts)
		marks = append(marks, Mark{Decimal(f.X(Since(at))), at.Format(layout)})
	}
	return marks
}

// Since gives a time as seconds since 1970.
func Since(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// Finite tells numbers from what is none.
func Finite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

// Tall is how high the plot is; it and those below are for the template.
func (s Size) Tall() float64 { return s.Bottom - s.Top }

// Beside is where labels of the axis upwards end.
func (s Size) Beside() float64 { return s.Left - 6 }

// Under is where labels of the axis across stand.
func (s Size) Under() float64 { return s.Bottom + 17 }
