package flags

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

const (
	// rewatch is how long after a failure the store is asked again to tell of changes.
	rewatch = time.Second
	// readTimeout bounds one read of the overrides.
	readTimeout = time.Second
)

// watchOverrides has the store tell of changes. While it can't, polls go on.
func (f *Flags) watchOverrides(ctx context.Context) {
	for {
		err := f.options.Store.WatchFlagOverrides(ctx, f.poke)
		if ctx.Err() != nil {
			return
		}
		f.options.Logger.Debug("changes of feature flags' overrides are found by polling alone", zap.Error(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(rewatch):
		}
	}
}

// poke has followOverrides read them soon.
func (f *Flags) poke() {
	select {
	case f.poked <- struct{}{}:
	default: // it is going to already
	}
}

// followOverrides reads overrides when they may have changed, and ends those
// whose time is over, also while the store is away.
func (f *Flags) followOverrides(ctx context.Context) {
	poll := time.NewTicker(f.options.OverridePoll)
	defer poll.Stop()
	for {
		f.readOverrides(ctx)
		expiry := time.NewTimer(f.expire(time.Now()))
		select {
		case <-ctx.Done():
		case <-f.poked:
		case <-poll.C:
		case <-expiry.C:
			f.expire(time.Now())
		}
		expiry.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (f *Flags) readOverrides(ctx context.Context) {
	f.storing.Lock()
	defer f.storing.Unlock()
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	overrides, err := f.options.Store.FlagOverrides(bounded)
	if interrupted(ctx, err) {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.setOverridesError(err)
	if err != nil {
		return
	}
	now := time.Now()
	for i := range overrides {
		overrides[i].arm(now)
	}
	select {
	case <-f.loaded:
	default:
		defer close(f.loaded)
	}
	f.setOverrides(overrides)
}

// replace takes what this process has itself written: nil for nothing any more.
func (f *Flags) replace(key string, with *Override) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	overrides := slices.DeleteFunc(slices.Clone(f.overrides), func(o Override) bool { return o.Key == key })
	if with != nil {
		with.arm(time.Now())
		overrides = append(overrides, *with)
	}
	f.setOverrides(overrides)
	f.poke() // for the time when it expires
}

// expire drops the overrides whose time is over, and gives how long it is to
// the next one's end, or long.
func (f *Flags) expire(now time.Time) time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	next := time.Hour
	overrides := slices.DeleteFunc(slices.Clone(f.overrides), func(o Override) bool {
		if o.deadline.IsZero() {
			return false
		}
		left := o.deadline.Sub(now)
		if left > 0 {
			next = min(next, left)
		}
		return left <= 0
	})
	f.setOverrides(overrides)
	return next
}

// setOverrides puts overrides in force. The mutex is held.
func (f *Flags) setOverrides(overrides []Override) {
	slices.SortFunc(overrides, func(a, b Override) int { return strings.Compare(a.Key, b.Key) })
	if slices.EqualFunc(f.overrides, overrides, func(a, b Override) bool {
		return a.Key == b.Key && sameOverride(&a, &b)
	}) {
		return
	}
	f.overrides = overrides
	f.rebuild()
}

func (o *Override) arm(now time.Time) {
	if o.Left > 0 {
		o.deadline = now.Add(o.Left)
	}
}
