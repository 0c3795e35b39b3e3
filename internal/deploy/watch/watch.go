package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pocctl/pocctl/internal/fault"
)

// Progress hears what is being waited for, and of every resource that became ready.
type Progress interface {
	Waiting(format string, args ...any)
	Info(format string, args ...any)
}

// Options say how to wait.
type Options struct {
	Client kubernetes.Interface
	// Rollouts are asked for where there are any; without it, none is found.
	Rollouts Rollouts
	// Subject is whose objects these are, for messages: "release backend".
	Subject  string
	Progress Progress
	Limits   Limits
	// Next gives the command that looks further into a failure; nil means kubectl.
	Next func(Failure) string
	// Started is when the work began that this wait is a part of; zero means now.
	Started time.Time
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Ready waits until all objects are ready. It ends early with a
// fault.RolloutFailed when one of them cannot become so, and with a
// fault.RolloutTimeout that names the culprit when ctx's deadline passes.
func Ready(ctx context.Context, objects []Object, options Options) error {
	objects = watchedOnly(objects)
	if len(objects) == 0 {
		return nil
	}
	options = options.withDefaults()
	started := options.Now()

	cache, err := startCache(ctx, options.Client, namespacesOf(objects))
	if err != nil {
		return options.ended(ctx, started, unseen(objects), err)
	}
	defer cache.stop()

	// States that depend on age need a look without a change too.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	seen := newNarrator(options.Progress)
	var states []State
	for {
		snapshot, err := withRollouts(ctx, cache.snapshot(options.Now()), objects, options.Rollouts)
		if err != nil {
			return options.ended(ctx, started, unseen(objects), err)
		}
		states = Assess(snapshot, objects, options.Limits)
		seen.tell(states, options.Now().Sub(started))
		if failure := firstFailure(states); failure != nil {
			return options.failed(ctx, *failure)
		}
		if allReady(states) {
			return nil
		}
		if err := options.unstick(ctx, states); err != nil {
			return err
		}
		select {
		case <-cache.changed:
		case <-tick.C:
		case <-ctx.Done():
			return options.ended(ctx, started, states, cache.lastError())
		}
	}
}

// Now assesses objects once, from the API server itself.
func Now(ctx context.Context, client kubernetes.Interface, rollouts Rollouts, objects []Object) ([]State, error) {
	objects = watchedOnly(objects)
	if len(objects) == 0 {
		return nil, nil
	}
	cache, err := startCache(ctx, client, namespacesOf(objects))
	if err != nil {
		return nil, err
	}
	defer cache.stop()
	snapshot, err := withRollouts(ctx, cache.snapshot(time.Now()), objects, rollouts)
	if err != nil {
		return nil, err
	}
	return Assess(snapshot, objects, DefaultLimits()), nil
}

func (o Options) withDefaults() Options {
	defaults := DefaultLimits()
	if o.Limits.Restarts == 0 {
		o.Limits.Restarts = defaults.Restarts
	}
	if o.Limits.Grace == 0 {
		o.Limits.Grace = defaults.Grace
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Next == nil {
		o.Next = kubectl
	}
	return o
}

// unstick removes broken pods of an older revision, which a StatefulSet keeps
// for ever (kubernetes/kubernetes#67250), so that the new revision gets its turn.
func (o Options) unstick(ctx context.Context, states []State) error {
	for _, state := range states {
		for _, pod := range state.Stuck {
			err := o.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
				Preconditions: &metav1.Preconditions{UID: &pod.UID},
			})
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				continue
			}
			if err != nil {
				return fmt.Errorf("replace pod %s of an older revision: %w", pod.Name, err)
			}
			if o.Progress != nil {
				o.Progress.Info("pod %s of an older revision is broken and is replaced", pod.Name)
			}
		}
	}
	return nil
}

// failed turns a failure into the error that people see, with the pod's last words.
func (o Options) failed(ctx context.Context, failure Failure) error {
	failure.Logs = lastLines(ctx, o.Client, failure)
	return fault.New(fault.RolloutFailed, "release", o.Subject, "resource", failure.Object, "outcome", failure.outcome(),
		"detail", failure.Describe(), "next", o.Next(failure))
}

// ended says what was still missing when ctx ended.
func (o Options) ended(ctx context.Context, started time.Time, states []State, cause error) error {
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		if ctx.Err() == nil {
			return fmt.Errorf("watch %s: %w", o.Subject, cause)
		}
		return fmt.Errorf("watch %s: %w", o.Subject, context.Cause(ctx))
	}
	var missing []string
	culprit := Failure{}
	for _, state := range states {
		if state.Ready {
			continue
		}
		if culprit.Object.Name == "" || culprit.Pod == "" && state.Pod != "" {
			culprit.Object, culprit.Pod, culprit.Event = state.Object, state.Pod, state.Event
		}
		missing = append(missing, state.Object.String()+strings.TrimPrefix(state.String(), state.Object.Name))
	}
	culprit.Logs = lastLines(ctx, o.Client, culprit)
	detail := strings.Join(missing, "\n  ") + culprit.evidence()
	if !o.Started.IsZero() {
		started = o.Started
	}
	waited := o.Now().Sub(started).Round(100 * time.Millisecond)
	timeout := fault.New(fault.RolloutTimeout, "release", o.Subject, "waited", waited, "detail", detail, "next", o.Next(culprit))
	if cause != nil {
		return timeout.Because(cause)
	}
	return timeout
}

// unseen are the states of objects that nothing is known of.
func unseen(objects []Object) []State {
	states := make([]State, len(objects))
	for i, object := range objects {
		states[i] = State{Object: object, Summary: "not looked at yet"}
	}
	return states
}

func watchedOnly(objects []Object) []Object {
	var watched []Object
	for _, object := range objects {
		if Watched(object.Kind) {
			watched = append(watched, object)
		}
	}
	return watched
}

func namespacesOf(objects []Object) []string {
	var all []string
	for _, object := range objects {
		if !contains(all, object.Namespace) {
			all = append(all, object.Namespace)
		}
	}
	return all
}

func firstFailure(states []State) *Failure {
	for _, state := range states {
		if state.Failure != nil {
			return state.Failure
		}
	}
	return nil
}

func allReady(states []State) bool {
	for _, state := range states {
		if !state.Ready {
			return false
		}
	}
	return true
}
