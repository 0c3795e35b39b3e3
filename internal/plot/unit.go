package plot

import (
	"math"
	"strconv"
	"strings"
)

// Unit is what values are counted in.
type Unit string

// The units of values.
const (
	Seconds   Unit = "seconds"
	Share     Unit = "share"      // 1 is all of it; shown in percent
	PerSecond Unit = "per second" // events
	Bytes     Unit = "bytes"
	Count     Unit = "count"
	Cores     Unit = "cores"    // seconds of CPU per second
	Multiple  Unit = "multiple" // how many times as much as would be right
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

// Format writes a value in three digits or more, with its unit.
func (u Unit) Format(value float64) string {
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

// Axis is what a value is written as beside others up to most: all on one scale.
func (u Unit) Axis(value, most float64) string { return u.fitting(most).write(value) }

// Ticks are round numbers from low to high or a little beyond; the last is the top.
// Bytes are round in their own scale.
func (u Unit) Ticks(low, high float64) []float64 {
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

// Least is what an axis goes up to if everything is 0.
func (u Unit) Least() float64 {
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

// LogTicks are round values for an axis of equal factors, from one at most low to one
// at least high: decades, with 2 and 5 between them if there are few. Both are above 0.
func LogTicks(low, high float64) []float64 {
	const few = 2 // decades
	steps := []float64{1}
	if math.Log10(high/low) <= few {
		steps = []float64{1, 2, 5}
	}
	var all []float64
	for decade := math.Floor(math.Log10(low)); ; decade++ {
		for _, step := range steps {
			value := step * math.Pow(10, decade)
			if value <= low*1.000001 {
				all = all[:0]
			}
			all = append(all, value)
			if value >= high*0.999999 && len(all) > 1 {
				return all
			}
		}
	}
}
