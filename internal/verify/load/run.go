package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// grace is how long requests under way may still take once a run is cut short.
const grace = time.Second

// Run makes the scenario's targets, sends the load, removes what it made and
// gives what it measured. When ctx ends, it gives what was measured until then,
// marked as interrupted; that is no error. Errors are a fault.Usage, a
// fault.LoadNotPrepared or those of Options.Token: then nothing was measured.
func Run(ctx context.Context, options Options) (Result, error) {
	options, err := options.complete()
	if err != nil {
		return Result{}, err
	}
	bearer, stopRenewal, err := newBearer(options.Token)
	if err != nil {
		return Result{}, fmt.Errorf("get a token for the load: %w", err)
	}
	defer stopRenewal()
	recorder := newRecorder(options.Stages, len(options.Scenario.Operations))
	wire := newWire()
	client := newClient(options, bearer, wire, recorder.dialed)
	defer client.close()
	world := newWorld(options, bearer, wire, client)
	if err := world.prepare(ctx); err != nil {
		world.remove() //nolint:contextcheck // also when ctx has ended
		return Result{}, err
	}
	clock, stop := newClock()
	defer stop()
	r := &run{
		options: options, clock: clock, sender: client, recorder: recorder,
		picker: newPicker(options.Scenario, world.run, world.targets, &world.made, options.Seed),
		made:   &world.made, cut: client.cut,
	}
	result := r.drive(ctx)
	client.close()
	result.Left = world.remove() //nolint:contextcheck // also when ctx has ended
	result.Wire = wire.sum()
	return result, nil
}

// run sends what is due when it is due.
type run struct {
	options  Options
	clock    clock
	sender   sender
	recorder *recorder
	picker   *picker
	made     *ids
	cut      func() // ends the requests under way

	start    time.Time
	stage    atomic.Int64
	inFlight atomic.Int64
	flying   sync.WaitGroup
}

func (r *run) drive(ctx context.Context) Result {
	stages := r.options.Stages
	r.start = r.clock.Now()
	stopReports := r.report()
	schedule := schedule{stages: stages}
	interrupted := false
	for {
		next, more := schedule.next()
		if !more {
			break
		}
		now, err := r.clock.Until(ctx, r.start.Add(next.due))
		if err != nil {
			interrupted = true
			break
		}
		r.stage.Store(int64(next.stage))
		request := r.picker.pick()
		late := now.Sub(r.start) - next.due
		if late > r.options.Timeout || r.inFlight.Load() >= int64(r.options.MaxInFlight) {
			r.giveBack(request)
			r.recorder.unsent(next.due, next.stage, "")
			continue
		}
		r.inFlight.Add(1)
		r.flying.Add(1)
		go r.fire(next, request)
	}
	elapsed := length(stages)
	if interrupted {
		elapsed = min(elapsed, r.clock.Now().Sub(r.start))
	}
	r.land(ctx)
	stopReports()
	return r.finish(elapsed, interrupted)
}

// fire sends one request. A goroutine for each costs less than handing requests
// to workers, and never makes one wait for another.
func (r *run) fire(next arrival, request request) {
	defer r.flying.Done()
	got := r.sender.send(request)
	r.inFlight.Add(-1)
	if got.kind != "" {
		r.giveBack(request)
	} else if got.id != "" {
		r.made.add(got.id)
	}
	switch {
	case got.cut:
	case got.local:
		r.recorder.unsent(next.due, next.stage, got.kind)
	default:
		r.recorder.sent(sample{due: next.due, left: got.left.Sub(r.start), done: got.done.Sub(r.start), stage: next.stage, operation: request.index, answer: got},
			r.options.Stages[next.stage].Warmup)
	}
}

// giveBack remembers a {made} that a request should have removed and did not.
func (r *run) giveBack(request request) {
	if request.made != "" {
		r.made.add(request.made)
	}
}

// land waits for the requests under way. Each has its own deadline; if ctx ends,
// they have the grace period.
func (r *run) land(ctx context.Context) {
	landed := make(chan struct{})
	go func() {
		defer close(landed)
		r.flying.Wait()
	}()
	select {
	case <-landed:
		return
	case <-ctx.Done():
	}
	last := time.NewTimer(grace)
	defer last.Stop()
	select {
	case <-landed:
	case <-last.C:
		r.cut()
		<-landed
	}
}

func (r *run) finish(elapsed time.Duration, interrupted bool) Result {
	result := r.recorder.result(r.options.Stages, r.options.Scenario.Operations, elapsed)
	result.Started = r.start.Add(warmup(r.options.Stages))
	result.Interrupted, result.Proxy = interrupted, r.options.proxy
	result.Seed, result.Targets, result.Skew = r.options.Seed, r.options.Scenario.Targets.Count, r.options.Scenario.Targets.Skew
	result.Void = void(result, r.options)
	return result
}

// report calls Progress every second until the function that it gives is called.
func (r *run) report() (stop func()) {
	if r.options.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-done:
				return
			case <-every.C:
				r.options.Progress(r.snapshot())
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (r *run) snapshot() Snapshot {
	stage := int(r.stage.Load())
	total := length(r.options.Stages)
	shown := Snapshot{Stage: r.options.Stages[stage].Name, Total: total,
		Elapsed: min(total, r.clock.Now().Sub(r.start)), InFlight: r.inFlight.Load()}
	r.recorder.snapshot(stage, &shown)
	return shown
}
