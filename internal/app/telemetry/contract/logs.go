package contract

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// CheckLogs compares the lines of a log with the contract: each kind of line is
// there with its fields, and nothing else.
func (c *Contract) CheckLogs(log []byte) []Problem {
	r := &report{}
	found := map[*Event]bool{}
	for line := range bytes.Lines(log) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			r.add(Wrong, "the log", "%q is no JSON object", line)
			continue
		}
		if event := r.line(c, fields); event != nil {
			found[event] = true
		}
	}
	for _, event := range c.Logs {
		if !found[event] && event.When == "" {
			r.add(Missing, event.signal(), "")
		}
	}
	return r.sorted()
}

func (e *Event) signal() string {
	if e.Message == "" {
		return "the logger " + e.Logger
	}
	return e.Message
}

func (r *report) line(c *Contract, fields map[string]any) *Event {
	message, _ := fields["message"].(string)
	logger, _ := fields["logger"].(string)
	level, _ := fields["level"].(string)
	at, _ := fields["time"].(string)
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil || message == "" && logger == "" {
		r.add(Wrong, "the log", "a line has no time or no message: %v", fields)
	}
	event := c.event(logger, message)
	if event == nil {
		r.add(Unknown, message, "a line at level %s", level)
		return nil
	}
	if !slices.Contains(event.Levels, level) {
		r.add(Wrong, event.signal(), "it is at level %s", level)
	}
	if event.Message == "" {
		return event
	}
	for _, common := range []string{"level", "time", "message", "logger"} {
		delete(fields, common)
	}
	r.fields(event.signal(), "field", fields, event.Fields, event.Optional)
	return event
}

func (c *Contract) event(logger, message string) *Event {
	for _, event := range c.Logs {
		if event.Logger == logger && (event.Message == message || event.Message == "" && logger != "") {
			return event
		}
	}
	return nil
}
