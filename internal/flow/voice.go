package flow

import (
	"sync"
	"time"
)

// voice is the engine's side of a step's Log: it keeps what the step said last
// and holds the step's deadline.
type voice struct {
	step  string
	feed  *feed
	clock *runClock

	mu       sync.Mutex
	closed   bool // the engine has stopped listening
	waiting  string
	since    time.Time
	detail   string
	pauses   int
	watch    stopwatch
	deadline time.Duration
	timer    *time.Timer
}

// listen starts the step's stopwatch; expire is called at its deadline.
func listen(step string, feed *feed, clock *runClock, deadline time.Duration, expire func()) *voice {
	return &voice{
		step:     step,
		feed:     feed,
		clock:    clock,
		watch:    stopwatch{started: time.Now()},
		deadline: deadline,
		timer:    time.AfterFunc(deadline, expire),
	}
}

func (v *voice) log() *Log {
	return &Log{waiting: v.setWaiting, info: v.say, detail: v.setDetail, pause: v.pause}
}

func (v *voice) setWaiting(message string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || message == v.waiting {
		return
	}
	v.waiting, v.since = message, time.Now()
	v.feed.emit(Event{Kind: StepWaiting, Step: v.step, Message: message})
}

func (v *voice) say(message string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.feed.emit(Event{Kind: StepInfo, Step: v.step, Message: message})
	}
}

func (v *voice) setDetail(message string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.detail = message
	}
}

func (v *voice) pause(question string) func() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return func() {}
	}
	v.pauses++
	if v.pauses == 1 {
		v.feed.emit(Event{Kind: StepPaused, Step: v.step, Message: question})
		v.timer.Stop()
		v.watch.stop(time.Now())
		v.clock.change(0, 1)
	}
	return sync.OnceFunc(v.resume)
}

func (v *voice) resume() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.pauses--
	if v.pauses == 0 {
		v.goOn()
		v.timer.Reset(max(0, v.deadline-v.watch.elapsed(time.Now())))
		v.feed.emit(Event{Kind: StepResumed, Step: v.step})
	}
}

func (v *voice) goOn() {
	v.watch.resume(time.Now())
	v.clock.change(0, -1)
}

// close ends the listening: what the step says later is not heard.
func (v *voice) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer.Stop()
	if v.pauses > 0 {
		v.goOn()
		v.pauses = 0
	}
	v.watch.stop(time.Now())
	v.closed = true
}

// elapsed is the step's time without its pauses.
func (v *voice) elapsed() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.watch.elapsed(time.Now())
}

// lastWaiting says what the step waits for and since how long; "" if it never said.
func (v *voice) lastWaiting() (what string, since time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting == "" {
		return "", 0
	}
	return v.waiting, time.Since(v.since)
}

func (v *voice) lastDetail() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.detail
}
