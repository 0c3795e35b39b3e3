package load

import (
	"fmt"
	"strings"
	"time"
)

// profiles are the loads that have a name, by what they are good for.
func profiles(rate float64) []struct {
	name   string
	stages []Stage
} {
	const second, minute = time.Second, time.Minute
	warmup := func(long time.Duration) Stage {
		return Stage{Name: "warm-up", Rate: rate, Duration: long, Climb: true, Warmup: true}
	}
	level := func(name string, times float64, long time.Duration) Stage {
		return Stage{Name: name, Rate: times * rate, Duration: long}
	}
	return []struct {
		name   string
		stages []Stage
	}{
		{"steady", []Stage{warmup(5 * second), level("steady", 1, minute)}},
		{"spike", []Stage{warmup(5 * second), level("steady", 1, 20*second), level("spike", 2, 20*second), level("recovery", 1, 20*second)}},
		{"soak", []Stage{warmup(10 * second), level("soak", 1, 10*minute)}},
		{"full", []Stage{
			warmup(10 * second), level("steady", 1, minute),
			{Name: "ramp", From: rate, Rate: 2 * rate, Duration: 30 * second, Climb: true},
			level("spike", 2, minute),
			{Name: "fall", From: 2 * rate, Rate: rate, Duration: 15 * second, Climb: true},
			level("soak", 1, 10*minute),
		}},
	}
}

// Profiles names the loads that there are: steady is a minute at the rate; spike goes to
// twice the rate for a third of a minute; soak holds the rate for ten minutes; full is
// all of them.
func Profiles() []string {
	var names []string
	for _, profile := range profiles(1) {
		names = append(names, profile.name)
	}
	return names
}

// Profile gives the stages of a load that has a name, at a rate in requests a second.
func Profile(name string, rate float64) ([]Stage, error) {
	for _, profile := range profiles(rate) {
		if profile.name == name {
			return profile.stages, nil
		}
	}
	return nil, fmt.Errorf("there is no profile %q: use one of %s", name, strings.Join(Profiles(), ", "))
}

// Peak is the highest rate of stages, in requests a second.
func Peak(stages []Stage) float64 {
	peak := 0.0
	for _, stage := range stages {
		peak = max(peak, stage.Rate, stage.From)
	}
	return peak
}

// Lengths are how long stages are: all of them, and those that count.
func Lengths(stages []Stage) (all, measured time.Duration) {
	for _, stage := range stages {
		all += stage.Duration
		if !stage.Warmup {
			measured += stage.Duration
		}
	}
	return all, measured
}
