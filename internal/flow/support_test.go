package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// recorder keeps what an observer sees, as lines that tests can compare.
type recorder struct{ events []Event }

func (r *recorder) Observe(event Event) { r.events = append(r.events, event) }

func (r *recorder) lines(kinds ...EventKind) []string {
	var lines []string
	for _, event := range r.events {
		for _, kind := range kinds {
			if event.Kind == kind {
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%g %s %s %s", event.Elapsed, event.Kind, event.Step, event.Status)))
			}
		}
	}
	return lines
}

func (r *recorder) first(kind EventKind) (Event, bool) {
	for _, event := range r.events {
		if event.Kind == kind {
			return event, true
		}
	}
	return Event{}, false
}

// takes is work that lasts, and ends early with its context.
func takes(d time.Duration) func(context.Context, *Log) error {
	return func(ctx context.Context, _ *Log) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fails(after time.Duration, message string) func(context.Context, *Log) error {
	return func(ctx context.Context, log *Log) error {
		if err := takes(after)(ctx, log); err != nil {
			return err
		}
		return errors.New(message)
	}
}

func step(name string, run func(context.Context, *Log) error, dependsOn ...string) Step {
	return Step{Name: name, Run: run, DependsOn: dependsOn}
}

func statuses(result Result) map[string]string {
	found := map[string]string{}
	for _, phase := range result.Phases {
		for _, s := range phase.Steps {
			text := string(s.Status)
			if s.Detail != "" {
				text += ": " + s.Detail
			}
			found[s.Name] = text
		}
	}
	return found
}
