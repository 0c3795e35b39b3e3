package terminal

import (
	"time"

	"github.com/pocctl/pocctl/internal/duration"
)

// Duration writes d for people: "0.3 s", "1 m 05 s", "2 h 07 m".
func Duration(d time.Duration) string { return duration.Text(d) }

// Seconds writes a number of seconds as Duration does.
func Seconds(seconds float64) string { return duration.Seconds(seconds) }

// Budget writes a planned number of seconds, leaving out what is zero: "60 m".
func Budget(seconds float64) string {
	return duration.Round(time.Duration(seconds * float64(time.Second)).Round(time.Second))
}
