package load

import (
	"strconv"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Wire is everything that went out, the warm-up and what prepares and removes the
// targets included. It is what the server's own counters can be compared with.
type Wire struct {
	From     time.Time        `json:"from"` // before the first of them was sent
	Until    time.Time        `json:"until"`
	Sent     int64            `json:"sent"`
	Answered int64            `json:"answered"` // with any status
	Statuses map[string]int64 `json:"statuses"`
	// Service counts from the moment a request left, over all that were answered.
	Service Distribution `json:"service"`
}

// Unavailable counts the answers of 500 and above.
func (w Wire) Unavailable() int64 {
	var sum int64
	for status, count := range w.Statuses {
		if code, err := strconv.Atoi(status); err == nil && code >= 500 {
			sum += count
		}
	}
	return sum
}

// wire counts what clients send.
type wire struct {
	mu       sync.Mutex
	from     time.Time
	sent     int64
	statuses map[int]int64
	service  *hdr.Histogram
}

func newWire() *wire {
	return &wire{from: time.Now(), statuses: map[int]int64{}, service: newHistogram()}
}

// count adds a request that left, and what became of it.
func (w *wire) count(got answer, took time.Duration) {
	if got.local {
		return // it never left
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	if got.status != 0 {
		w.statuses[got.status]++
		record(w.service, took)
	}
}

func (w *wire) sum() Wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	made := Wire{From: w.from, Until: time.Now(), Sent: w.sent, Statuses: map[string]int64{}, Service: summarise(w.service)}
	for status, count := range w.statuses {
		made.Statuses[strconv.Itoa(status)] = count
		made.Answered += count
	}
	return made
}
