package canary

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Figures are the finding's numbers for people: "4.7 ms", "0.2%"; a dash where there is
// none.
func (f Finding) Figures() (canary, stable, limit string) {
	write := func(value float64) string {
		switch {
		case math.IsNaN(value) || math.IsInf(value, 0) || f.Samples == 0:
			return "–"
		case f.Unit == milliseconds:
			return inMilliseconds(value)
		case f.Unit == bytesPerSecond:
			return inBytes(value) + "/s"
		}
		return inPercent(value)
	}
	canary, stable, limit = write(f.Canary), write(f.Stable), "–"
	if f.Limit > 0 {
		limit = write(f.Limit)
	}
	return canary, stable, limit
}

// shares says how many of each version's requests did something: "5.2% of 412
// requests failed, the stable version 0.1% of 3,708".
func shares(canary, stable split, did string) string {
	return fmt.Sprintf("%s of %s requests %s, the stable version %s of %s",
		inPercent(100*canary.share()), grouped(canary.all), did, inPercent(100*stable.share()), grouped(stable.all))
}

func inPercent(value float64) string { return short(value) + "%" }

func inMilliseconds(value float64) string {
	if value >= 10 {
		return strconv.FormatFloat(value, 'f', 0, 64) + " ms"
	}
	return short(value) + " ms"
}

func inBytes(value float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if value >= unit.size || value <= -unit.size {
			return short(value/unit.size) + " " + unit.name
		}
	}
	return short(value) + " B"
}

// short writes a number so that a small one doesn't read as none: 5.2, 0.07, 100.
func short(value float64) string {
	digits := 1
	if value > -1 && value < 1 {
		digits = 2
	}
	text := strings.TrimRight(strconv.FormatFloat(value, 'f', digits, 64), "0")
	if text = strings.TrimSuffix(text, "."); text == "-0" {
		return "0"
	}
	return text
}

// grouped writes a number with its thousands apart: 3,708.
func grouped(number int64) string {
	text := strconv.FormatInt(number, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
