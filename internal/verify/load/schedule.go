package load

import "time"

// Stage is a stretch of constant rate.
type Stage struct {
	Name     string
	Rate     float64 // requests a second
	Duration time.Duration
	// Warmup leaves the stage out of the figures.
	Warmup bool
}

// Plan is a load as people ask for it.
type Plan struct {
	Rate     float64       // requests a second
	Duration time.Duration // of what is measured, the spike included
	Warmup   time.Duration // at Rate, before it; may be zero
	Spike    float64       // requests a second in the middle third; zero for none
}

// Stages gives the plan's stages, in order.
func (p Plan) Stages() []Stage {
	var stages []Stage
	if p.Warmup > 0 {
		stages = append(stages, Stage{Name: "warm-up", Rate: p.Rate, Duration: p.Warmup, Warmup: true})
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

// schedule gives a run's arrivals, evenly spaced within each stage.
type schedule struct {
	stages []Stage
	stage  int
	begin  time.Duration // of the stage
	count  int64         // arrivals given in the stage
}

func (s *schedule) next() (arrival, bool) {
	for ; s.stage < len(s.stages); s.stage++ {
		stage := s.stages[s.stage]
		// From the count, not from the one before: rounding must not add up.
		within := time.Duration(float64(s.count) / stage.Rate * float64(time.Second))
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
