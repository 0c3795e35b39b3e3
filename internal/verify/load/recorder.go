package load

import (
	"strconv"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// recorder keeps what a run measures, in memory that does not grow with it.
type recorder struct {
	mu         sync.Mutex
	stages     []*tally
	operations []*tally
	lag        *hdr.Histogram
	connect    *hdr.Histogram
	history    *history
}

// tally counts requests of a kind.
type tally struct {
	latency, service                  *hdr.Histogram
	sent, unsent, failed, unavailable int64
	hits, misses                      int64
	statuses                          map[int]int64
	errors                            map[string]int64
	example                           string
}

// Longer times than this count as this long: no request may take so long.
const longest = 10 * time.Minute

func newHistogram() *hdr.Histogram { return hdr.New(1, longest.Microseconds(), 3) }

func newTally() *tally {
	return &tally{latency: newHistogram(), service: newHistogram(), statuses: map[int]int64{}, errors: map[string]int64{}}
}

func newRecorder(stages []Stage, operations int) *recorder {
	r := &recorder{lag: newHistogram(), connect: newHistogram(), history: newHistory(length(stages))}
	for range stages {
		r.stages = append(r.stages, newTally())
	}
	for range operations {
		r.operations = append(r.operations, newTally())
	}
	return r
}

func record(histogram *hdr.Histogram, took time.Duration) {
	// The error says that the value is out of range, which min and max exclude.
	_ = histogram.RecordValue(min(max(took, 0), longest).Microseconds())
}

// sample is one request that was sent, with its times since the run's start.
type sample struct {
	due, left, done time.Duration
	stage           int
	operation       int
	answer          answer
}

func (r *recorder) dialed(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record(r.connect, took)
}

// unsent counts a request that was due and did not leave; why may be empty.
func (r *recorder) unsent(due time.Duration, stage int, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.unsent(due)
	tally := r.stages[stage]
	tally.unsent++
	if why != "" && tally.example == "" {
		tally.example = why
	}
}

// sent counts a request that was sent. Those of the warm-up count in their
// stage alone, which the result leaves out.
func (r *recorder) sent(s sample, warmup bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stages[s.stage].add(s)
	r.history.sent(s)
	if !warmup {
		r.operations[s.operation].add(s)
		record(r.lag, s.left-s.due)
	}
}

func (t *tally) add(s sample) {
	t.sent++
	if s.answer.status != 0 {
		t.statuses[s.answer.status]++
	}
	if s.answer.timed() {
		record(t.latency, s.done-s.due)
		record(t.service, s.done-s.left)
	}
	switch s.answer.cache {
	case "hit":
		t.hits++
	case "miss":
		t.misses++
	}
	if s.answer.kind == "" {
		return
	}
	t.failed++
	t.errors[s.answer.kind]++
	if s.answer.status == 0 || s.answer.status >= 500 {
		t.unavailable++
	}
	if t.example == "" {
		t.example = s.answer.detail
	}
}

// into adds t's counts to sum.
func (t *tally) into(sum *tally) {
	sum.latency.Merge(t.latency)
	sum.service.Merge(t.service)
	sum.sent += t.sent
	sum.unsent += t.unsent
	sum.failed += t.failed
	sum.unavailable += t.unavailable
	sum.hits += t.hits
	sum.misses += t.misses
	for status, count := range t.statuses {
		sum.statuses[status] += count
	}
	for kind, count := range t.errors {
		sum.errors[kind] += count
	}
	if sum.example == "" {
		sum.example = t.example
	}
}

func (t *tally) figures(name string, over time.Duration) Figures {
	statuses := map[string]int64{}
	for status, count := range t.statuses {
		statuses[strconv.Itoa(status)] = count
	}
	f := Figures{
		Name: name, Seconds: over.Seconds(), Sent: t.sent, Unsent: t.unsent, Failed: t.failed, Unavailable: t.unavailable,
		CacheHits: t.hits, CacheMisses: t.misses, Latency: summarise(t.latency), Service: summarise(t.service),
		Statuses: statuses, Errors: t.errors, Example: t.example,
	}
	if over > 0 {
		f.Held = float64(t.sent) / over.Seconds()
	}
	return f
}

// result sums up what was measured of stages in the time elapsed.
func (r *recorder) result(stages []Stage, operations []Operation, elapsed time.Duration) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	result := Result{Plan: spans(stages), Timeline: r.history.timeline(warmup(stages), elapsed)}
	total, over, due := newTally(), time.Duration(0), 0.0
	for i, stage := range stages {
		lasted := min(stage.Duration, max(0, elapsed))
		elapsed -= stage.Duration
		if stage.Warmup || lasted == 0 {
			continue
		}
		figures := r.stages[i].figures(stage.Name, lasted)
		figures.Asked = stage.count(lasted) / lasted.Seconds()
		result.Stages = append(result.Stages, figures)
		r.stages[i].into(total)
		over += lasted
		due += stage.count(lasted)
	}
	result.Total = total.figures("", over)
	if over > 0 {
		result.Total.Asked = due / over.Seconds()
	}
	for i, operation := range operations {
		tally := r.operations[i]
		result.Operations = append(result.Operations, OperationFigures{
			Name: operation.Name, Sent: tally.sent, Failed: tally.failed, Latency: summarise(tally.latency)})
	}
	result.Percentiles, result.Bars = curve(total.latency, total.service, r.lag), bars(total.latency)
	result.Lag, result.Connect = summarise(r.lag), summarise(r.connect)
	return result
}

// snapshot fills in what is known of the stage under way.
func (r *recorder) snapshot(stage int, into *Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tally := range r.stages {
		into.Sent += tally.sent
		into.Unsent += tally.unsent
		into.Failed += tally.failed
	}
	into.LatencyMS = milliseconds(r.stages[stage].latency.ValueAtQuantile(95))
}
