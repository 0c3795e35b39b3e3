// Package alerts proves alerts: it makes the fault that an alert is for, on purpose,
// and sees whether the alert fires, reaches its receiver, and is over when the fault
// is.
package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/inbox"
)

// Drill is a fault that is made on purpose, and the alert that has to tell of it.
type Drill struct {
	// Name is the fault's in a word or two: "latency".
	Name string
	// Alert is the one's name.
	Alert string
	// Make makes the fault. It should end by itself some time, for pocctl may be
	// killed meanwhile.
	Make func(context.Context) error
	// End takes the fault back. It is called even if Make failed half-way.
	End func(context.Context) error
}

// Verdict says what came of a drill.
type Verdict string

// The verdicts.
const (
	Proved Verdict = "proved" // it fired, was received, and was over in time
	Silent Verdict = "silent" // the fault was there, and nobody was told
	Stuck  Verdict = "stuck"  // the fault is gone, and the alert is not
	Broken Verdict = "broken" // the fault could not be made or ended, or the alert fired before
)

// Outcome is what came of a drill. Times are absent where it did not come to that.
type Outcome struct {
	Drill    string  `json:"drill"`
	Alert    string  `json:"alert"`
	Severity string  `json:"severity,omitempty"`
	Verdict  Verdict `json:"verdict"`
	// Factor is by how much time was scaled down in the alert.
	Factor string `json:"factor,omitempty"`
	// FiredSeconds are from the fault until the receiver had the alert, and
	// ResolvedSeconds from the fault's end until it had the alert's.
	FiredSeconds    *float64 `json:"firedSeconds,omitempty"`
	ResolvedSeconds *float64 `json:"resolvedSeconds,omitempty"`
	// Summary is the alert's own.
	Summary string `json:"summary,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Options of Run.
type Options struct {
	// Lanes are drills that may go on side by side; those of one lane come one after
	// another, as they use the same means.
	Lanes [][]Drill
	// Inbox gives what the receiver holds.
	Inbox func(context.Context) (inbox.List, error)
	// Fires and Resolves bound the wait for an alert and for its end.
	Fires, Resolves time.Duration
	// Every is how often the inbox is asked; a second by default.
	Every time.Duration
	// Progress is told what happens, in words, by drill; may be nil.
	Progress func(drill, what string)
}

// Run makes the drills and gives their outcomes in the order of the lanes. A fault is
// taken back even if ctx ends. The error is ctx's, or says that the inbox can't be
// read.
func Run(ctx context.Context, options Options) ([]Outcome, error) {
	if options.Every <= 0 {
		options.Every = time.Second
	}
	if options.Progress == nil {
		options.Progress = func(string, string) {}
	}
	found := make([][]Outcome, len(options.Lanes))
	lanes, running := errgroup.WithContext(ctx)
	for i, lane := range options.Lanes {
		lanes.Go(func() error {
			for _, drill := range lane {
				outcome, err := options.prove(running, drill)
				if err != nil {
					return err
				}
				found[i] = append(found[i], outcome)
			}
			return nil
		})
	}
	err := lanes.Wait()
	return slices.Concat(found...), err
}

// prove makes one drill.
func (o Options) prove(ctx context.Context, drill Drill) (Outcome, error) {
	outcome := Outcome{Drill: drill.Name, Alert: drill.Alert, Verdict: Broken}
	o.Progress(drill.Name, "waits for quiet")
	quiet, err := o.until(ctx, o.Resolves, func(list inbox.List) bool { return len(firing(list, drill.Alert)) == 0 })
	if err != nil {
		return outcome, err
	}
	if !quiet {
		outcome.Detail = fmt.Sprintf("%s fired before anything was done, and went on for %s", drill.Alert, o.Resolves)
		return outcome, nil
	}
	ended := sync.OnceValue(func() error {
		// What was broken on purpose is mended, whatever happens.
		mend, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return drill.End(mend)
	})
	made := time.Now()
	if err := drill.Make(ctx); err != nil {
		outcome.Detail = errors.Join(fmt.Errorf("the fault can't be made: %w", err), ended()).Error()
		return outcome, ctx.Err()
	}
	var told inbox.Alert
	o.Progress(drill.Name, "is made; waits for "+drill.Alert)
	fired, err := o.until(ctx, o.Fires, func(list inbox.List) bool {
		for _, one := range firing(list, drill.Alert) {
			told = one
			return true
		}
		return false
	})
	mendErr := ended()
	switch {
	case err != nil:
		return outcome, errors.Join(err, mendErr)
	case mendErr != nil:
		outcome.Detail = fmt.Sprintf("the fault can't be taken back: %v", mendErr)
		return outcome, nil
	case !fired:
		outcome.Verdict = Silent
		outcome.Detail = fmt.Sprintf("nobody was told within %s", o.Fires)
		return outcome, nil
	}
	mended := time.Now()
	outcome.Severity, outcome.Factor, outcome.Summary = told.Severity, told.Drill, told.Annotations["summary"]
	outcome.FiredSeconds = seconds(told.Received.Sub(made))
	o.Progress(drill.Name, fmt.Sprintf("%s came after %.0f s; waits for its end", drill.Alert, *outcome.FiredSeconds))
	over, err := o.until(ctx, o.Resolves, func(list inbox.List) bool { return len(firing(list, drill.Alert)) == 0 })
	if err != nil {
		return outcome, err
	}
	if !over {
		outcome.Verdict = Stuck
		outcome.Detail = fmt.Sprintf("it still fired %s after the fault was gone", o.Resolves)
		return outcome, nil
	}
	outcome.Verdict = Proved
	outcome.ResolvedSeconds = seconds(time.Since(mended))
	o.Progress(drill.Name, fmt.Sprintf("proved: told after %.0f s, over after %.0f s", *outcome.FiredSeconds, *outcome.ResolvedSeconds))
	return outcome, nil
}

// firing gives the exercises of an alert that are not over.
func firing(list inbox.List, name string) []inbox.Alert {
	var found []inbox.Alert
	for _, one := range list.Alerts {
		if one.Name == name && one.Drill != "" && one.Resolved == nil {
			found = append(found, one)
		}
	}
	return found
}

// until asks the inbox again and again; false is that it was not so in time.
func (o Options) until(ctx context.Context, most time.Duration, so func(inbox.List) bool) (bool, error) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	for {
		list, err := o.Inbox(ctx)
		if err != nil {
			return false, err
		}
		if so(list) {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
}

func seconds(d time.Duration) *float64 {
	rounded := float64(max(d, 0).Milliseconds()) / 1000
	return &rounded
}

// Wanting lists in words the outcomes that are not Proved.
func Wanting(outcomes []Outcome) []string {
	var all []string
	for _, one := range outcomes {
		if one.Verdict != Proved {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s, %s: %s. %s", one.Drill, one.Alert, one.Verdict, one.Detail)))
		}
	}
	return all
}
