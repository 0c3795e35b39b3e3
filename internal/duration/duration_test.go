package duration

import (
	"testing"
	"time"
)

func TestText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                       "0.0 s",
		-1500 * time.Millisecond:                "-1.5 s",
		40 * time.Millisecond:                   "0.0 s",
		2940 * time.Millisecond:                 "2.9 s",
		59949 * time.Millisecond:                "59.9 s",
		59950 * time.Millisecond:                "1 m 00 s",
		65 * time.Second:                        "1 m 05 s",
		59*time.Minute + 59400*time.Millisecond: "59 m 59 s",
		59*time.Minute + 59600*time.Millisecond: "1 h 00 m",
		127 * time.Minute:                       "2 h 07 m",
	} {
		if got := Text(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2500 * time.Millisecond: "2.5 s", 45 * time.Second: "45 s", time.Minute: "1 m", 90 * time.Second: "1 m 30 s",
		time.Hour: "60 m", 2 * time.Hour: "120 m", 150 * time.Minute: "2 h 30 m",
	} {
		if got := Round(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
