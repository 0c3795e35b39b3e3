// Package duration writes lengths of time as people read them.
package duration

import (
	"fmt"
	"time"
)

// Text writes d: "0.3 s", "1 m 05 s", "2 h 07 m".
func Text(d time.Duration) string {
	if d < 0 {
		return "-" + Text(-d)
	}
	if tenths := d.Round(100 * time.Millisecond); tenths < time.Minute {
		return fmt.Sprintf("%.1f s", tenths.Seconds())
	}
	if whole := d.Round(time.Second); whole < time.Hour {
		return fmt.Sprintf("%d m %02d s", whole/time.Minute, whole%time.Minute/time.Second)
	}
	minutes := d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d m", minutes/time.Hour, minutes%time.Hour/time.Minute)
}

// Seconds writes a number of seconds as Text does.
func Seconds(seconds float64) string {
	return Text(time.Duration(seconds * float64(time.Second)))
}

// Round writes a length that someone chose, leaving out what is zero: "60 m",
// "1 m 30 s", "2.5 s".
func Round(d time.Duration) string {
	switch {
	case d < time.Minute && d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	case d%time.Minute == 0 && d <= 2*time.Hour:
		return fmt.Sprintf("%d m", d/time.Minute)
	default:
		return Text(d)
	}
}
