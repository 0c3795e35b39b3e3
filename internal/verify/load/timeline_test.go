package load

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRun(Plan{Rate: 100, Duration: 2 * time.Second, Warmup: time.Second}.Stages(), senderFunc(func(request) answer {
			switch since := time.Since(start); {
			case since < time.Second:
				return ok
			case since < 1500*time.Millisecond:
				time.Sleep(20 * time.Millisecond)
				return answer{status: 503, kind: "status 503"}
			case since < 2*time.Second: // answers when the next interval has begun
				time.Sleep(2*time.Second - since)
			}
			return ok
		}))
		want := Timeline{Seconds: 0.5, Intervals: []Interval{
			{At: -1, Due: 13, Sent: 13, Answered: 13}, {At: -0.5, Due: 37, Sent: 37, Answered: 37},
			{At: 0, Due: 50, Sent: 50, Answered: 48, Failed: 50}, {At: 0.5, Due: 50, Sent: 50, Answered: 2, P50: 250.879, P95: 481.279, P99: 501.759},
			{At: 1, Due: 50, Sent: 50, Answered: 100}, {At: 1.5, Due: 50, Sent: 50, Answered: 50},
		}}
		if diff := cmp.Diff(want, r.drive(t.Context()).Timeline); diff != "" {
			t.Errorf("timeline (-want +got):\n%s", diff)
		}
	})
}

func TestTimelineOfARunCutShort(t *testing.T) {
	stages := Plan{Rate: 2, Duration: time.Hour}.Stages()
	recorder := newRecorder(stages, 1)
	recorder.unsent(time.Minute, 0, "")
	recorder.sent(sample{due: 61 * time.Second, left: 62 * time.Second, done: 2 * time.Hour, answer: ok}, false)
	got := recorder.result(stages, []Operation{{Name: "get"}}, 70*time.Second).Timeline
	want := Timeline{Seconds: 30, Intervals: []Interval{{At: 0}, {At: 30}, {At: 60, Due: 2, Sent: 1, Unsent: 1, P50: 603979.775, P95: 603979.775, P99: 603979.775, LagP99: 1003.519}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

// A timeline's memory does not grow with the run.
func TestIntervalFor(t *testing.T) {
	for run, want := range map[time.Duration]time.Duration{
		time.Second: 500 * time.Millisecond, time.Minute: 500 * time.Millisecond, 61 * time.Second: time.Second,
		10 * time.Minute: 5 * time.Second, 24 * time.Hour: 30 * time.Minute, longestDuration: 84 * time.Minute,
	} {
		if got := intervalFor(run); got != want || run > got*mostIntervals {
			t.Errorf("%s is cut into intervals of %s, want %s", run, got, want)
		}
	}
}

// However much is recorded, memory stays what it was when every interval had something.
func TestMemoryStaysFlat(t *testing.T) {
	const run = 10 * time.Minute
	stages := Plan{Rate: 300, Duration: run}.Stages()
	recorder := newRecorder(stages, 1)
	record := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			due := time.Duration(i) * (run / 180_000) % run
			recorder.sent(sample{due: due, left: due + time.Millisecond, done: due + time.Duration(i%9973)*time.Microsecond, answer: ok}, false)
		}
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return memory.HeapAlloc
	}
	first := record(0, 180_000) // once over the whole run
	if grown := int64(record(180_000, 1_800_000)) - int64(first); grown > 1<<20 {
		t.Errorf("ten times as many requests took %d KiB more", grown>>10)
	}
	if first > 40<<20 {
		t.Errorf("a run takes %d MiB", first>>20)
	}
	if got := recorder.result(stages, []Operation{{Name: "get"}}, run).Total.Sent; got != 1_800_000 {
		t.Errorf("%d are counted", got)
	}
}
