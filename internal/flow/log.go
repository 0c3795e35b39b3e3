package flow

import "fmt"

// Log is a step's voice while it runs.
type Log struct {
	waiting func(string)
	info    func(string)
	detail  func(string)
}

// Waiting says what the step is waiting for now: shown live, and named if the
// step's deadline passes.
func (l *Log) Waiting(format string, args ...any) { l.waiting(fmt.Sprintf(format, args...)) }

// Info is a line worth reading and keeping.
func (l *Log) Info(format string, args ...any) { l.info(fmt.Sprintf(format, args...)) }

// Detail is the step's outcome in one line, for the report; the last one stands.
func (l *Log) Detail(format string, args ...any) { l.detail(fmt.Sprintf(format, args...)) }
