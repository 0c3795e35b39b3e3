package terminal

import (
	"fmt"
	"time"
)

// Duration writes d for people: "0.3 s", "1 m 05 s", "2 h 07 m".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
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

// Seconds writes a number of seconds as Duration does.
func Seconds(seconds float64) string {
	return Duration(time.Duration(seconds * float64(time.Second)))
}

// Budget writes a planned duration, leaving out what is zero: "60 m", "1 m 30 s".
func Budget(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d%time.Minute == 0 && d <= 2*time.Hour:
		return fmt.Sprintf("%d m", d/time.Minute)
	default:
		return Duration(d)
	}
}
