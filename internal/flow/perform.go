package flow

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/duration"
	"github.com/pocctl/pocctl/internal/fault"
)

// alreadySo is the detail of a step whose Check found nothing to do.
const alreadySo = "already so"

var errDeadline = errors.New("the step's deadline passed")

// attempt is one step at work.
type attempt struct {
	step   Step
	voice  *voice
	ctx    context.Context // ends with the run, or with errDeadline as its cause
	cancel context.CancelCauseFunc
}

func newAttempt(ctx context.Context, step Step, feed *feed, clock *runClock) *attempt {
	deadline := step.Deadline
	if deadline <= 0 {
		deadline = DefaultDeadline
	}
	a := &attempt{step: step}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.voice = listen(step.Name, feed, clock, deadline, func() { a.cancel(errDeadline) })
	return a
}

// perform runs the step to its end, whatever it does: error, panic, deadline, or
// deafness to its context, for which it is given grace and then left behind.
func (a *attempt) perform(grace time.Duration) (Status, string, error) {
	defer a.cancel(nil)
	ended := make(chan error, 1)
	go guarded(a.ctx, a.step, a.voice.log(), ended)
	var err error
	select {
	case err = <-ended:
	case <-a.ctx.Done():
		patience := time.NewTimer(grace)
		defer patience.Stop()
		select {
		case err = <-ended:
		case <-patience.C:
			err = fmt.Errorf("did not stop within %s of being told to", duration.Round(grace))
		}
	}
	waiting, since := a.voice.lastWaiting()
	a.voice.close()

	switch {
	case err == nil:
		return Passed, a.voice.lastDetail(), nil
	case errors.Is(context.Cause(a.ctx), errDeadline):
		err = timedOut(a.step.Name, a.voice.deadline, waiting, since, err)
		return Failed, err.Error(), err
	case a.ctx.Err() != nil:
		return Interrupted, interruption(waiting, err), err
	default:
		return Failed, err.Error(), fmt.Errorf("%s: %w", a.step.Name, err)
	}
}

// guarded sends the step's error to ended; a panic, or a goroutine that exits,
// is one too.
func guarded(ctx context.Context, step Step, log *Log, ended chan<- error) {
	var err error
	returned := false
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v (%s)", value, panicPlace())
		} else if !returned {
			err = errors.New("the step's goroutine exited")
		}
		ended <- err
	}()
	err = checkedRun(ctx, step, log)
	returned = true
}

func checkedRun(ctx context.Context, step Step, log *Log) error {
	if step.Check != nil {
		so, err := step.Check(ctx)
		if err != nil {
			return fmt.Errorf("check whether it is already so: %w", err)
		}
		if so {
			log.Detail(alreadySo)
			return nil
		}
	}
	return step.Run(ctx, log)
}

// panicPlace names the file and line that panicked, seen from a deferred function.
func panicPlace() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}

// timedOut names what the step was waiting for. The step's own advice is better
// than the engine's, so it is kept; a bare "context canceled" is not.
func timedOut(step string, deadline time.Duration, waiting string, since time.Duration, err error) error {
	if waiting == "" {
		waiting = "nothing that it named"
	} else {
		waiting = fmt.Sprintf("%s (for %s)", waiting, duration.Text(since))
	}
	fix := "look at `pocctl status` and `pocctl logs`, then run the same command again: it goes on where it stopped"
	var own *fault.Error
	isOwn := errors.As(err, &own)
	if isOwn && own.Fix != "" {
		fix = own.Fix
	}
	timeout := fault.New(fault.StepTimeout, "step", step, "deadline", duration.Round(deadline), "waiting", waiting, "fix", fix)
	switch {
	case !isContextError(err):
		return timeout.Because(err)
	case isOwn:
		return timeout.Because(own.Because(nil))
	default:
		return timeout
	}
}

func interruption(waiting string, err error) string {
	switch {
	case !isContextError(err):
		return "interrupted: " + err.Error()
	case waiting != "":
		return "interrupted while waiting for " + waiting
	default:
		return "interrupted"
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
