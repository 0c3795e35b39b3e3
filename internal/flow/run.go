package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/pocctl/pocctl/internal/fault"
)

// Options of Run and Undo. The zero value runs everything, unobserved and
// without a budget.
type Options struct {
	Env     string // the environment's name, for the result and the journal
	Command string // "up", "down", …

	// Selection limits Run to some phases. Undo does not look at it.
	Selection Selection
	// Budget of the whole run; zero means none. Passing it is reported, and ends
	// nothing.
	Budget time.Duration
	// Typical says how long steps take, from earlier runs (see Typical). A step
	// that is not in it is expected to take its budget.
	Typical map[string]time.Duration
	// Parallel is how many steps may run at once; zero means no limit.
	Parallel int
	// Grace is how long a step may go on after its context has ended before the
	// engine leaves it behind; zero means DefaultGrace.
	Grace time.Duration

	// Journal keeps the run's events; nil keeps nothing.
	Journal *Journal
	// Observers are told of every event, after the journal.
	Observers []Observer
	// NewID makes the run's identifier; nil means a ULID.
	NewID func() string
}

// DefaultGrace is how long a step may go on after its context has ended.
const DefaultGrace = 30 * time.Second

// Run runs steps in the order of their dependencies, independent ones side by
// side. After a failure no further step starts; those at work are let finish.
// The error is the first step's that failed (joined with those of steps that
// failed beside it), or fault.Interrupted once ctx has ended. A Result comes with
// every error.
func Run(ctx context.Context, steps []Step, options Options) (Result, error) {
	planned, err := Plan(steps, options.Selection)
	if err != nil {
		return refused(options), err
	}
	return newRun(steps, planned, options).execute(ctx)
}

// Undo takes the steps' effects back, each after those that depend on it. Unlike
// Run it goes on after a failure: every Undo is tried, and the errors are joined.
func Undo(ctx context.Context, steps []Step, options Options) (Result, error) {
	if err := check(steps); err != nil {
		return refused(options), err
	}
	backwards := reversed(steps)
	planned, err := Plan(backwards, Selection{})
	if err != nil {
		return refused(options), err
	}
	run := newRun(backwards, planned, options)
	run.goOn = true
	return run.execute(ctx)
}

func refused(options Options) Result {
	return Result{Env: options.Env, Command: options.Command, Status: Failed, Started: time.Now().UTC(), WithinBudget: true}
}

// run is one execution. Everything but feed and clock belongs to the goroutine
// in execute.
type run struct {
	options  Options
	planned  []Planned
	tasks    []*task
	goOn     bool // start further steps after a failure
	clock    *runClock
	feed     *feed
	finished chan ending
	running  int
	budgets  budgetWatch
}

func newRun(steps []Step, planned []Planned, options Options) *run {
	if options.NewID == nil {
		options.NewID = func() string { return ulid.Make().String() }
	}
	if options.Grace <= 0 {
		options.Grace = DefaultGrace
	}
	clock := newRunClock()
	r := &run{
		options:  options,
		planned:  planned,
		tasks:    newTasks(steps, planned),
		clock:    clock,
		finished: make(chan ending),
		feed:     &feed{run: options.NewID(), clock: clock},
	}
	r.budgets = newBudgetWatch(options, r.tasks)
	return r
}

func (r *run) execute(ctx context.Context) (Result, error) {
	started := time.Now().UTC()
	if journal := r.options.Journal; journal != nil {
		// An undo goes on without one: a full disk is a reason to take things down.
		if err := journal.open(r.feed.run); err != nil && !r.goOn {
			return refused(r.options), err
		}
		defer journal.close()
		r.feed.observers = append(r.feed.observers, journal)
	}
	r.feed.observers = append(r.feed.observers, r.options.Observers...)

	r.feed.emit(Event{
		Kind: RunStarted, Env: r.options.Env, Command: r.options.Command,
		Steps: r.planned, Budget: r.options.Budget.Seconds(),
	})
	for _, t := range r.tasks {
		if t.skip != "" {
			r.skip(t, t.skip)
		}
	}
	r.loop(ctx)
	interrupted := r.skipRest(ctx)

	err := r.outcome(interrupted)
	result := r.result(started, interrupted)
	ended := Event{Kind: RunEnded, Status: result.Status, Seconds: result.Seconds}
	if err != nil {
		ended.Message = err.Error()
	}
	r.feed.emit(ended)
	return result, err
}

func (r *run) loop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		r.startReady(ctx)
		r.watchBudgets()
		if r.running == 0 {
			return
		}
		select {
		case e := <-r.finished:
			r.end(e)
		case <-tick.C:
		}
	}
}

func (r *run) startReady(ctx context.Context) {
	failed := r.failed() && !r.goOn
	for _, t := range r.tasks {
		if failed || ctx.Err() != nil || (r.options.Parallel > 0 && r.running >= r.options.Parallel) {
			return
		}
		if t.state == pending && t.ready() {
			r.start(ctx, t)
		}
	}
}

func (r *run) start(ctx context.Context, t *task) {
	t.state = running
	t.result.StartSeconds = seconds(r.clock.elapsed())
	r.running++
	r.clock.change(1, 0)
	r.feed.emit(Event{Kind: StepStarted, Step: t.step.Name, Budget: t.step.Budget.Seconds()})
	attempt := newAttempt(ctx, t.step, r.feed, r.clock)
	t.attempt = attempt
	go func() {
		status, detail, err := attempt.perform(r.options.Grace)
		r.finished <- ending{t, status, detail, err}
	}()
}

// ending is how a step's attempt went.
type ending struct {
	task   *task
	status Status
	detail string
	err    error
}

func (r *run) end(e ending) {
	t := e.task
	t.state = ended
	t.result.Status, t.result.Detail, t.err = e.status, e.detail, e.err
	r.running--
	r.clock.change(-1, 0)
	t.endSeconds = seconds(r.clock.elapsed())
	t.result.Seconds = seconds(t.attempt.voice.elapsed())
	r.feed.emit(Event{
		Kind: StepEnded, Step: t.step.Name, Status: t.result.Status,
		Seconds: t.result.Seconds, Message: t.result.Detail,
	})
}

func (r *run) skip(t *task, why string) {
	t.state = ended
	t.result.Status, t.result.Detail = Skipped, why
	r.feed.emit(Event{Kind: StepEnded, Step: t.step.Name, Status: Skipped, Message: why})
}

// skipRest skips what was never started and says whether the run was cut short
// by its context.
func (r *run) skipRest(ctx context.Context) (interrupted bool) {
	for _, t := range r.tasks {
		interrupted = interrupted || t.result.Status == Interrupted || (t.state == pending && ctx.Err() != nil && (r.goOn || !r.failed()))
	}
	for _, t := range r.tasks {
		if t.state != pending {
			continue
		}
		switch culprit := t.failedDependency(); {
		case culprit != nil:
			r.skip(t, fmt.Sprintf("needs %s, which %s", culprit.step.Name, fate(culprit.result.Status)))
		case interrupted:
			r.skip(t, "not begun: the run was interrupted")
		default:
			r.skip(t, "not begun: another step failed")
		}
	}
	return interrupted
}

func fate(status Status) string {
	if status == Interrupted {
		return "was interrupted"
	}
	return "failed"
}

func (r *run) failed() bool {
	for _, t := range r.tasks {
		if t.result.Status == Failed {
			return true
		}
	}
	return false
}

// outcome is the run's error. An interruption comes first: it decides the exit code.
func (r *run) outcome(interrupted bool) error {
	var failures []error
	var cut []string
	for _, t := range r.tasks {
		switch t.result.Status {
		case Failed:
			failures = append(failures, t.err)
		case Interrupted:
			cut = append(cut, t.step.Name)
		}
	}
	if interrupted {
		where := "the run, between two steps"
		if len(cut) > 0 {
			where = named(cut)
		}
		failures = append([]error{fault.New(fault.Interrupted, "step", where)}, failures...)
	}
	if len(failures) == 1 {
		return failures[0]
	}
	return errors.Join(failures...)
}

// named lists names for a sentence: "a, b, c and 4 more".
func named(names []string) string {
	const most = 3
	last := len(names) - 1
	switch {
	case last == 0:
		return names[0]
	case last < most:
		return strings.Join(names[:last], ", ") + " and " + names[last]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
}
