package canary

// Part is what one pod did between two readings.
type Part struct {
	Requests int64    `json:"requests"`
	Buckets  []Bucket `json:"buckets"` // as a Window's
}

// Record is what a version does at one weight, reading by reading. The zero Record has
// seen none.
type Record struct {
	first, last Counters
	parts       []Part
}

// Add notes a reading. The first is what the others are counted from.
func (r *Record) Add(now Counters) {
	if r.first == nil {
		if r.first = now; now == nil {
			r.first = Counters{} // pods that come later count from zero
		}
		r.last = r.first
		return
	}
	for name, pod := range now {
		before, known := r.last[name]
		if known && !pod.Sampled.After(before.Sampled) {
			continue // of the same scrape
		}
		one := Increase(Counters{name: before}, Counters{name: pod})
		if one.Requests > 0 {
			r.parts = append(r.parts, Part{Requests: one.Requests, Buckets: one.Buckets})
		}
	}
	r.last = now
}

// Window is what was done from the first reading to the last.
func (r *Record) Window() Window {
	window := Increase(r.first, r.last)
	window.Parts = r.parts
	return window
}
