package load

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	for name, test := range map[string]struct {
		stages []Stage
		want   []arrival
	}{
		"even": {
			[]Stage{{Rate: 4, Duration: time.Second}},
			[]arrival{{0, 0}, {250 * time.Millisecond, 0}, {500 * time.Millisecond, 0}, {750 * time.Millisecond, 0}},
		},
		"a spike": {
			[]Stage{{Rate: 2, Duration: time.Second}, {Rate: 4, Duration: 500 * time.Millisecond}, {Rate: 1, Duration: time.Second}},
			[]arrival{{0, 0}, {500 * time.Millisecond, 0}, {time.Second, 1}, {1250 * time.Millisecond, 1}, {1500 * time.Millisecond, 2}},
		},
		"a climb": {
			[]Stage{{Rate: 8, Duration: time.Second, Climb: true}, {Rate: 8, Duration: 250 * time.Millisecond}},
			[]arrival{
				{0, 0}, {500 * time.Millisecond, 0}, {707106781, 0}, {866025403, 0},
				{time.Second, 1}, {1125 * time.Millisecond, 1},
			},
		},
		"a climb from a rate": {
			[]Stage{{Rate: 6, From: 2, Duration: time.Second, Climb: true}},
			[]arrival{{0, 0}, {366025403, 0}, {618033988, 0}, {822875655, 0}},
		},
		"a fall": {
			[]Stage{{Rate: 2, From: 6, Duration: time.Second, Climb: true}},
			[]arrival{{0, 0}, {177124344, 0}, {381966011, 0}, {633974596, 0}},
		},
		"level, though it climbs": {
			[]Stage{{Rate: 4, From: 4, Duration: 750 * time.Millisecond, Climb: true}},
			[]arrival{{0, 0}, {250 * time.Millisecond, 0}, {500 * time.Millisecond, 0}},
		},
		"slower than the stage is long": {[]Stage{{Rate: 0.1, Duration: time.Second}}, []arrival{{0, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			schedule := schedule{stages: test.stages}
			var got []arrival
			for next, more := schedule.next(); more; next, more = schedule.next() {
				got = append(got, next)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(arrival{})); diff != "" {
				t.Errorf("arrivals (-want +got):\n%s", diff)
			}
		})
	}
}

// Rounding must not add up: a rate whose period is no whole number of
// nanoseconds still gives every request, the last one in its place.
func TestScheduleDoesNotDrift(t *testing.T) {
	schedule := schedule{stages: []Stage{{Rate: 3001, Duration: time.Hour}}}
	var last arrival
	count := 0
	for next, more := schedule.next(); more; next, more = schedule.next() {
		last = next
		count++
	}
	if want := 3001 * 3600; count != want {
		t.Errorf("%d arrivals, want %d", count, want)
	}
	if off := time.Hour - time.Second/3001 - last.due; off.Abs() > time.Microsecond {
		t.Errorf("the last one is due at %s, %s off", last.due, off)
	}
}

func TestPlan(t *testing.T) {
	for name, test := range map[string]struct {
		plan Plan
		want []Stage
	}{
		"steady": {
			Plan{Rate: 300, Duration: time.Minute},
			[]Stage{{Name: "steady", Rate: 300, Duration: time.Minute}},
		},
		"with a warm-up and a spike": {
			Plan{Rate: 300, Duration: 10 * time.Second, Warmup: time.Second, Spike: 600},
			[]Stage{
				{Name: "warm-up", Rate: 300, Duration: time.Second, Climb: true, Warmup: true},
				{Name: "steady", Rate: 300, Duration: 3333333333},
				{Name: "spike", Rate: 600, Duration: 3333333333},
				{Name: "recovery", Rate: 300, Duration: 3333333334},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.plan.Stages()); diff != "" {
				t.Errorf("stages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	stages := []Stage{
		{Name: "warm-up", Rate: 10, Duration: 2 * time.Second, Climb: true, Warmup: true}, {Name: "steady", Rate: 10, Duration: 3 * time.Second},
		{Name: "ramp", From: 10, Rate: 20, Duration: 4 * time.Second, Climb: true},
	}
	want := []Span{
		{Name: "warm-up", At: -2, Seconds: 2, To: 10, Warmup: true}, {Name: "steady", Seconds: 3, From: 10, To: 10},
		{Name: "ramp", At: 3, Seconds: 4, From: 10, To: 20},
	}
	if diff := cmp.Diff(want, spans(stages)); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	for i, due := range []float64{10, 30, 60} {
		if got := stages[i].count(stages[i].Duration); got != due {
			t.Errorf("%v are due in %s, want %v", got, stages[i].Name, due)
		}
	}
}
