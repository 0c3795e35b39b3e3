package dashboards

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// scale writes values from a size on as multiples of a smaller one.
type scale struct {
	from, size float64
	suffix     string
}

// scales of a unit go from small to large; values below the first have its size.
func (u Unit) scales() []scale {
	switch u {
	case Seconds:
		return []scale{
			{0, 1e-6, " µs"}, {1e-3, 1e-3, " ms"}, {1, 1, " s"}, {120, 60, " min"}, {7200, 3600, " h"}, {172800, 86400, " d"},
		}
	case Bytes:
		return []scale{{0, 1, " B"}, {1 << 10, 1 << 10, " KiB"}, {1 << 20, 1 << 20, " MiB"}, {1 << 30, 1 << 30, " GiB"}}
	case Share:
		return []scale{{0, 0.01, "%"}}
	case Multiple:
		return []scale{{0, 1, "×"}, {1e4, 1e3, "k×"}}
	case PerSecond:
		return []scale{{0, 1, "/s"}, {1e4, 1e3, "k/s"}, {1e6, 1e6, "M/s"}}
	case Cores:
		return []scale{{0, 1, " CPU"}}
	case Count:
		return []scale{{0, 1, ""}, {1e4, 1e3, "k"}, {1e6, 1e6, "M"}}
	}
	return []scale{{0, 1, ""}}
}

// fitting is the scale for values up to a size.
func (u Unit) fitting(value float64) scale {
	scales := u.scales()
	found := scales[0]
	for _, one := range scales {
		if math.Abs(value) >= one.from {
			found = one
		}
	}
	return found
}

// format writes a value in three digits or more, with its unit.
func (u Unit) format(value float64) string {
	switch {
	case math.IsNaN(value):
		return "no number"
	case math.IsInf(value, 0):
		return map[bool]string{true: "∞", false: "−∞"}[value > 0]
	case value == 0 && u == Seconds:
		return "0 s"
	}
	fit := u.fitting(value)
	return fit.write(value)
}

func (s scale) write(value float64) string {
	shown := value / s.size
	digits := 2
	switch size := math.Abs(shown); {
	case size >= 100:
		digits = 0
	case size >= 10:
		digits = 1
	case size < 0.1:
		digits = 3
	}
	text := strconv.FormatFloat(shown, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		text = "0"
	}
	return strings.Replace(text, "-", "−", 1) + s.suffix
}

// axis is what a value is written as beside others up to most: all on one scale.
func (u Unit) axis(value, most float64) string { return u.fitting(most).write(value) }

var legendLabel = regexp.MustCompile(`{{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*}}`)

// named is the legend with a series' labels in it.
func (q Query) named(labels map[string]string) string {
	name := strings.Join(strings.Fields(legendLabel.ReplaceAllStringFunc(q.Legend, func(place string) string {
		return labels[legendLabel.FindStringSubmatch(place)[1]]
	})), " ")
	if name == "" {
		return "(no labels)"
	}
	return name
}

// ticks are round numbers from low to high or a little beyond; the last is the top.
// Bytes are round in their own scale.
func (u Unit) ticks(low, high float64) []float64 {
	const about = 4
	fit := u.fitting(high)
	low, high = low/fit.size, high/fit.size
	step := (high - low) / about
	magnitude := math.Pow(10, math.Floor(math.Log10(step)))
	for _, round := range []float64{1, 2, 2.5, 5, 10} {
		if step <= round*magnitude*1.000001 {
			step = round * magnitude
			break
		}
	}
	if u == Count {
		step = max(step, 1/fit.size)
	}
	var all []float64
	for at := math.Floor(low/step + 1e-9); ; at++ {
		all = append(all, at*step*fit.size)
		if at*step >= high-step*1e-9 {
			return all
		}
	}
}
