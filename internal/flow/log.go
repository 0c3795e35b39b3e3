package flow

import "fmt"

// Log is a step's voice while it runs. The zero value and nil are silent, so
// that a step can be run without an engine.
type Log struct {
	waiting func(string)
	info    func(string)
	detail  func(string)
	pause   func(string) func()
}

// Waiting says what the step is waiting for now: shown live, and named if the
// step's deadline passes.
func (l *Log) Waiting(format string, args ...any) {
	if l != nil && l.waiting != nil {
		l.waiting(fmt.Sprintf(format, args...))
	}
}

// Info is a line worth reading and keeping.
func (l *Log) Info(format string, args ...any) {
	if l != nil && l.info != nil {
		l.info(fmt.Sprintf(format, args...))
	}
}

// Detail is the step's outcome in one line, for the report; the last one stands.
func (l *Log) Detail(format string, args ...any) {
	if l != nil && l.detail != nil {
		l.detail(fmt.Sprintf(format, args...))
	}
}

// Pause says that the step waits for a person to answer question. Until resume
// is called, the step's deadline stands still, and so does the run's clock while
// no other step is at work.
func (l *Log) Pause(question string) (resume func()) {
	if l == nil || l.pause == nil {
		return func() {}
	}
	return l.pause(question)
}
