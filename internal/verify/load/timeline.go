package load

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Timeline is how a run went, in intervals of equal length, the warm-up included.
type Timeline struct {
	Seconds   float64    `json:"intervalSeconds"`
	Intervals []Interval `json:"intervals"`
}

// Interval is one of them. Requests belong to the interval in which they were due;
// Sent and Answered are counted when that happened.
type Interval struct {
	At       float64 `json:"at"` // seconds after Result.Started; below 0 in the warm-up
	Due      int64   `json:"due"`
	Sent     int64   `json:"sent"`
	Answered int64   `json:"answered"`
	Failed   int64   `json:"failed"`
	Unsent   int64   `json:"unsent"`
	// P50, P95 and P99 are of the latency, in milliseconds to two digits; LagP99 is
	// how late requests left.
	P50    float64 `json:"p50"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	LagP99 float64 `json:"lagP99"`
}

// mostIntervals bounds a timeline, and so its memory: 6 MB, however long the run.
const mostIntervals = 120

// intervalFor is a round length that cuts a run into at most mostIntervals.
func intervalFor(run time.Duration) time.Duration {
	const half = time.Second / 2
	for _, halves := range []int{1, 2, 4, 10, 20, 30, 60, 120, 240, 600, 1200, 3600, 7200} {
		if interval := time.Duration(halves) * half; run <= interval*mostIntervals {
			return interval
		}
	}
	return run / mostIntervals
}

// history records a timeline. It is guarded by its recorder.
type history struct {
	interval time.Duration
	moments  []moment
}

type moment struct {
	due, sent, answered, failed, unsent int64
	latency, lag                        *hdr.Histogram // nil while empty
}

func newHistory(run time.Duration) *history {
	interval := intervalFor(run)
	return &history{interval: interval, moments: make([]moment, (run+interval-1)/interval)}
}

// at gives the moment of a time since the run's start. What comes after the last
// is its own: requests still under way when the schedule has ended.
func (h *history) at(since time.Duration) *moment {
	return &h.moments[min(max(0, int(since/h.interval)), len(h.moments)-1)]
}

func (h *history) unsent(due time.Duration) {
	one := h.at(due)
	one.due++
	one.unsent++
}

func (h *history) sent(s sample) {
	one := h.at(s.due)
	one.due++
	if one.latency == nil {
		// Two digits are all that a picture shows.
		one.latency, one.lag = hdr.New(1, longest.Microseconds(), 2), hdr.New(1, longest.Microseconds(), 2)
	}
	record(one.lag, s.left-s.due)
	if s.answer.timed() {
		record(one.latency, s.done-s.due)
	}
	if s.answer.kind != "" {
		one.failed++
	}
	h.at(s.left).sent++
	if s.answer.status != 0 {
		h.at(s.done).answered++
	}
}

// timeline sums up until elapsed; origin is when the measured part began.
func (h *history) timeline(origin, elapsed time.Duration) Timeline {
	made := Timeline{Seconds: h.interval.Seconds()}
	for i, one := range h.moments {
		begin := time.Duration(i) * h.interval
		if begin >= elapsed {
			break
		}
		shown := Interval{
			At: (begin - origin).Seconds(), Due: one.due, Sent: one.sent, Answered: one.answered, Failed: one.failed, Unsent: one.unsent,
		}
		if one.latency != nil {
			shown.P50, shown.P95, shown.P99 = quantile(one.latency, 0.5), quantile(one.latency, 0.95), quantile(one.latency, 0.99)
			shown.LagP99 = quantile(one.lag, 0.99)
		}
		made.Intervals = append(made.Intervals, shown)
	}
	return made
}

func quantile(histogram *hdr.Histogram, share float64) float64 {
	return milliseconds(histogram.ValueAtQuantile(share * 100))
}
