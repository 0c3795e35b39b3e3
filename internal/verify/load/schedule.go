package load

import (
	"math"
	"time"
)

// Stage is a stretch of constant rate, or one that climbs to it.
type Stage struct {
	Name     string
	Rate     float64 // requests a second
	Duration time.Duration
	// Climb begins at From and reaches Rate evenly at the stage's end.
	Climb bool
	// From is the rate at which a stage that climbs, or falls, begins; zero for none.
	From float64
	// Warmup leaves the stage out of the figures.
	Warmup bool
}

// Plan is a load as people ask for it.
type Plan struct {
	Rate     float64       // requests a second
	Duration time.Duration // of what is measured, the spike included
	Warmup   time.Duration // before it, climbing to Rate; may be zero
	Spike    float64       // requests a second in the middle third; zero for none
}

// Stages gives the plan's stages, in order.
func (p Plan) Stages() []Stage {
	var stages []Stage
	if p.Warmup > 0 {
		// It climbs, because a service that has just started has connections to
		// open and caches to fill: the full rate at once measures that queue.
		stages = append(stages, Stage{Name: "warm-up", Rate: p.Rate, Duration: p.Warmup, Climb: true, Warmup: true})
	}
	if p.Spike <= 0 {
		return append(stages, Stage{Name: "steady", Rate: p.Rate, Duration: p.Duration})
	}
	third := p.Duration / 3
	return append(stages,
		Stage{Name: "steady", Rate: p.Rate, Duration: third},
		Stage{Name: "spike", Rate: p.Spike, Duration: third},
		Stage{Name: "recovery", Rate: p.Rate, Duration: p.Duration - 2*third})
}

// arrival is a request's place in the run.
type arrival struct {
	due   time.Duration // since the run's start
	stage int
}

// due gives the time of an arrival in the stage, from the number that were
// before it and not from the one before: rounding must not add up.
func (s Stage) due(before int64) time.Duration {
	seconds := float64(before) / s.Rate
	if s.Climb {
		// The number until then is From*seconds + slope/2 * seconds²; this is its
		// root in the form that is exact for a slope of nothing, too.
		slope := (s.Rate - s.From) / s.Duration.Seconds()
		under := s.From*s.From + 2*slope*float64(before)
		if before == 0 {
			return 0
		}
		if under < 0 { // a stage that falls ends before so many
			return s.Duration
		}
		seconds = 2 * float64(before) / (s.From + math.Sqrt(under))
	}
	return time.Duration(seconds * float64(time.Second))
}

// count is how many requests are due in the stage until then.
func (s Stage) count(until time.Duration) float64 {
	if !s.Climb {
		return s.Rate * until.Seconds()
	}
	slope := (s.Rate - s.From) / s.Duration.Seconds()
	return s.From*until.Seconds() + slope/2*until.Seconds()*until.Seconds()
}

// Span is a stage's place in the run.
type Span struct {
	Name    string  `json:"name"`
	At      float64 `json:"at"`      // seconds after Result.Started; below 0 in the warm-up
	Seconds float64 `json:"seconds"` // how long it is
	From    float64 `json:"fromPerSecond"`
	To      float64 `json:"toPerSecond"`
	Warmup  bool    `json:"warmup,omitempty"`
}

func spans(stages []Stage) []Span {
	at := -warmup(stages)
	made := make([]Span, 0, len(stages))
	for _, stage := range stages {
		one := Span{Name: stage.Name, At: at.Seconds(), Seconds: stage.Duration.Seconds(), From: stage.Rate, To: stage.Rate, Warmup: stage.Warmup}
		if stage.Climb {
			one.From = stage.From
		}
		made, at = append(made, one), at+stage.Duration
	}
	return made
}

// warmup is how long the stages before the first measured one are.
func warmup(stages []Stage) time.Duration {
	var total time.Duration
	for _, stage := range stages {
		if !stage.Warmup {
			break
		}
		total += stage.Duration
	}
	return total
}

// schedule gives a run's arrivals, evenly spaced within each steady stage.
type schedule struct {
	stages []Stage
	stage  int
	begin  time.Duration // of the stage
	count  int64         // arrivals given in the stage
}

func (s *schedule) next() (arrival, bool) {
	for ; s.stage < len(s.stages); s.stage++ {
		stage := s.stages[s.stage]
		within := stage.due(s.count)
		if within < stage.Duration {
			s.count++
			return arrival{due: s.begin + within, stage: s.stage}, true
		}
		s.begin, s.count = s.begin+stage.Duration, 0
	}
	return arrival{}, false
}

func length(stages []Stage) time.Duration {
	var total time.Duration
	for _, stage := range stages {
		total += stage.Duration
	}
	return total
}
