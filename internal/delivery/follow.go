package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
	"github.com/pocctl/pocctl/internal/verify/canary"
)

// follower is one delivery under way.
type follower struct {
	Options
	result Result
	began  time.Time
	step   step
	before map[string][]canary.Window // what each version did in the steps that are over
	away   time.Time                  // since when there are no figures
	// blindness is why, the last time.
	blindness error
	looks     int
	// grown is when each pod was seen first: memory grows over more than a step.
	grown map[string]canary.Counters
}

// step is what is known of one weight.
type step struct {
	last    bool // of the steps
	weight  int
	since   time.Time                 // of the weight
	records map[string]*canary.Record // by version, at this weight
	verdict canary.Verdict
	// overdue says that it would be over by now, and that people were told.
	overdue bool
}

func (f *follower) follow(ctx context.Context) error {
	f.began, f.before = f.Now(), map[string][]canary.Window{}
	state, err := f.begin(ctx)
	if err != nil {
		return err
	}
	f.result.From, f.result.To = state.Stable, state.Canary
	stop := f.load(ctx)
	defer stop()
	tick := time.NewTicker(f.Look)
	defer tick.Stop()
	for {
		if state, err = f.Rollouts.Read(ctx, f.Name); err != nil {
			return err
		}
		over, err := f.look(ctx, state)
		if over || err != nil {
			f.result.Requests = f.window(f.result.To).Tally().Requests
			return err
		}
		select {
		case <-ctx.Done():
			goes := "the controller goes on with the canary by itself"
			if state.Awaited {
				goes = "the canary waits for a verdict"
			}
			f.Progress.Info("%s: pocctl canary follows it again, pocctl canary abort takes it back", goes)
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// begin waits until two versions are there, after it started a canary if none was.
func (f *follower) begin(ctx context.Context) (rollout.State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.Start, fmt.Errorf("no canary of %s began within %s", f.Name, f.Start))
	defer cancel()
	tried := false
	tick := time.NewTicker(f.Look / 4)
	defer tick.Stop()
	for {
		state, err := f.Rollouts.Read(ctx, f.Name)
		switch {
		case err != nil:
			return state, err
		case state.UnderWay() && state.Observed:
			return state, nil
		case state.Whole() && !tried:
			f.Progress.Info("%s is tried against itself: nothing about it is new", f.Name)
			if err := f.Rollouts.Try(ctx, f.Name, f.Now()); err != nil {
				return state, err
			}
			tried = true
		}
		f.Progress.Waiting("a canary of %s to begin: %s", f.Name, state)
		select {
		case <-ctx.Done():
			return state, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// load sends requests meanwhile; stop ends it and waits.
func (f *follower) load(ctx context.Context) (stop func()) {
	if f.Load == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.Load(ctx); err != nil && ctx.Err() == nil {
			f.Progress.Info("no load is sent: %v", err)
		}
	}()
	return func() { cancel(); <-done }
}

// look is one look at the canary.
func (f *follower) look(ctx context.Context, state rollout.State) (over bool, err error) {
	switch {
	case state.Aborted && state.Canary == f.result.To:
		return true, f.takenBack(ctx, state)
	case state.Canary != f.result.To && state.UnderWay():
		return true, fmt.Errorf("follow the canary of %s: another one, %s, took its place", f.Name, state.Canary)
	case !state.UnderWay():
		return f.ended(ctx, state)
	}
	f.enter(state)
	if why, err := f.trouble(ctx); err != nil {
		return true, err
	} else if why != "" {
		return true, f.takeBack(ctx, why)
	}
	if err := f.measure(ctx, state); err != nil {
		return true, err
	}
	if f.step.verdict.Outcome == canary.Fail {
		return true, f.takeBack(ctx, f.step.verdict.Reason)
	}
	f.tell(state)
	return f.decide(ctx, state)
}

// enter notes a new weight: the figures of the one before do not count for it.
func (f *follower) enter(state rollout.State) {
	f.result.Weight = max(f.result.Weight, state.Weight)
	last := state.Steps > 0 && state.Step >= state.Steps-1
	if state.Weight == f.step.weight && !f.step.since.IsZero() {
		f.step.last = last
		return
	}
	if outcome := f.step.verdict.Outcome; outcome != "" && f.step.weight > 0 {
		f.Progress.Info("%d%% of the requests: %s: %s", f.step.weight, outcome, f.step.verdict.Reason)
	}
	for version, record := range f.step.records {
		f.before[version] = append(f.before[version], record.Window())
	}
	f.step = step{last: last, weight: state.Weight, since: f.Now()}
}

// trouble asks now and then whether the canary's pods can become ready at all.
func (f *follower) trouble(ctx context.Context) (string, error) {
	const every = 5
	f.looks++
	if f.Trouble == nil || f.looks%every != 0 {
		return "", nil
	}
	why, err := f.Trouble(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return why, err
}

// measure reads the figures and judges them.
func (f *follower) measure(ctx context.Context, state rollout.State) error {
	if state.Weight == 0 || f.Now().Sub(f.step.since) < f.Settle {
		return nil
	}
	counters, _, err := f.Source.Read(ctx, []string{state.Stable, state.Canary})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return f.blind(ctx, err)
	}
	f.away, f.blindness = time.Time{}, nil
	f.seen(counters)
	begins := f.step.records == nil
	if begins {
		f.step.records = map[string]*canary.Record{state.Stable: {}, state.Canary: {}}
	}
	for version, record := range f.step.records {
		record.Add(counters[version])
	}
	if begins {
		return nil
	}
	increase := func(version string) canary.Window {
		window := f.window(version)
		window.MemoryGrowth = canary.Increase(f.grown[version], counters[version]).MemoryGrowth
		return window
	}
	f.step.verdict = canary.Judge(increase(state.Canary), increase(state.Stable), f.Limits)
	f.result.Verdict = f.step.verdict
	return nil
}

// window is what a version did at this weight, and before.
func (f *follower) window(version string) canary.Window {
	var window canary.Window
	if record := f.step.records[version]; record != nil {
		window = record.Window()
	}
	window.Before = f.before[version]
	return window
}

// seen notes pods that are new, or have begun anew.
func (f *follower) seen(counters map[string]canary.Counters) {
	if f.grown == nil {
		f.grown = map[string]canary.Counters{}
	}
	for version, pods := range counters {
		if f.grown[version] == nil {
			f.grown[version] = canary.Counters{}
		}
		for name, pod := range pods {
			if before, known := f.grown[version][name]; !known || pod.Restarted(before) {
				f.grown[version][name] = pod
			}
		}
	}
}

// tell says where it is, what both versions do, and what is thought of it.
func (f *follower) tell(state rollout.State) {
	text := state.String()
	if f.step.verdict.Outcome == "" {
		f.Progress.Waiting("%s; its figures begin to count", text)
		return
	}
	f.Progress.Waiting("%s; %s so far: %s", text, f.step.verdict.Outcome, f.step.verdict.Reason)
}
