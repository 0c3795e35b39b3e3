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

// Drill is a fault that is made on purpose, and the alerts that have to tell of it.
type Drill struct {
	// Name is the fault's in a word or two: "latency".
	Name string
	// Alerts are their names.
	Alerts []string
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

// Outcome is what came of one alert of a drill. Times are absent where it did not come to that.
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
				outcomes, err := options.prove(running, drill)
				if err != nil {
					return err
				}
				found[i] = append(found[i], outcomes...)
			}
			return nil
		})
	}
	err := lanes.Wait()
	return slices.Concat(found...), err
}

// prove makes one drill.
func (o Options) prove(ctx context.Context, drill Drill) ([]Outcome, error) {
	outcomes := make([]Outcome, len(drill.Alerts))
	for i, alert := range drill.Alerts {
		outcomes[i] = Outcome{Drill: drill.Name, Alert: alert, Verdict: Broken}
	}
	o.Progress(drill.Name, "waits for quiet")
	loud, err := o.until(ctx, o.Resolves, drill.Alerts, func(string, []inbox.Alert) {}, quiet)
	if err != nil || len(loud) > 0 {
		note(outcomes, loud, Broken, fmt.Sprintf("it fired before anything was done, and went on for %s", o.Resolves))
		note(outcomes, without(drill.Alerts, loud), Broken, "others of this fault fired before anything was done")
		return outcomes, err
	}
	ended := sync.OnceValue(func() error {
		// What was broken on purpose is mended, whatever happens.
		mend, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		return drill.End(mend)
	})
	made := time.Now()
	if err := drill.Make(ctx); err != nil {
		note(outcomes, drill.Alerts, Broken, errors.Join(fmt.Errorf("the fault can't be made: %w", err), ended()).Error())
		return outcomes, ctx.Err()
	}
	o.Progress(drill.Name, "is made; waits for "+strings.Join(drill.Alerts, ", "))
	silent, err := o.until(ctx, o.Fires, drill.Alerts, func(alert string, told []inbox.Alert) {
		one := about(outcomes, alert)
		one.Severity, one.Factor, one.Summary = told[0].Severity, told[0].Drill, told[0].Annotations["summary"]
		one.FiredSeconds = seconds(told[0].Received.Sub(made))
		o.Progress(drill.Name, fmt.Sprintf("%s came after %.0f s", alert, *one.FiredSeconds))
	}, loudly)
	mendErr := ended()
	mended := time.Now()
	if err != nil {
		return outcomes, errors.Join(err, mendErr)
	}
	if mendErr != nil {
		note(outcomes, drill.Alerts, Broken, fmt.Sprintf("the fault can't be taken back: %v", mendErr))
		return outcomes, nil
	}
	note(outcomes, silent, Silent, fmt.Sprintf("nobody was told within %s", o.Fires))
	came := without(drill.Alerts, silent)
	stuck, err := o.until(ctx, o.Resolves, came, func(alert string, _ []inbox.Alert) {
		one := about(outcomes, alert)
		one.Verdict, one.ResolvedSeconds = Proved, seconds(time.Since(mended))
		o.Progress(drill.Name, fmt.Sprintf("%s is proved: told after %.0f s, over after %.0f s", alert, *one.FiredSeconds, *one.ResolvedSeconds))
	}, quiet)
	note(outcomes, stuck, Stuck, fmt.Sprintf("it still fired %s after the fault was gone", o.Resolves))
	return outcomes, err
}

func about(outcomes []Outcome, alert string) *Outcome {
	return &outcomes[slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Alert == alert })]
}

// note gives some alerts a verdict.
func note(outcomes []Outcome, some []string, verdict Verdict, detail string) {
	for _, alert := range some {
		one := about(outcomes, alert)
		one.Verdict, one.Detail = verdict, detail
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(some, one) })
}

func quiet(firing []inbox.Alert) bool  { return len(firing) == 0 }
func loudly(firing []inbox.Alert) bool { return len(firing) > 0 }

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

// until asks the inbox until it is so for each of some alerts, and tells of each the
// first time; it gives those for which it was not so in time.
func (o Options) until(ctx context.Context, most time.Duration, alerts []string, tell func(string, []inbox.Alert), so func([]inbox.Alert) bool) ([]string, error) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	left := slices.Clone(alerts)
	for {
		list, err := o.Inbox(ctx)
		if err != nil {
			return left, err
		}
		left = slices.DeleteFunc(left, func(alert string) bool {
			told := firing(list, alert)
			if !so(told) {
				return false
			}
			tell(alert, told)
			return true
		})
		if len(left) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return left, context.Cause(ctx)
		case <-deadline.C:
			return left, nil
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
