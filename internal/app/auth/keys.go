package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// keySet holds the issuer's keys, and fetches them when somebody needs them:
// nothing runs while nobody asks.
type keySet struct {
	source   source
	refresh  time.Duration
	refetch  time.Duration
	retry    time.Duration
	maxStale time.Duration
	timeout  time.Duration
	now      func() time.Time
	fetched  func(error)

	present atomic.Pointer[snapshot] // nil until a fetch has succeeded
	failing atomic.Bool              // the last fetch failed

	mutex   sync.Mutex
	flight  *flight   // the fetch under way
	last    *flight   // the one before
	started time.Time // when the last fetch began
}

// errStale is why keys at hand are of no use when the last fetch went well long ago.
var errStale = errors.New("the keys at hand are too old")

// snapshot is the issuer's keys as they were at one time. It isn't changed.
type snapshot struct {
	keys map[string][]*key // by kid
	at   time.Time
}

// flight is one fetch, for which many may wait.
type flight struct {
	done chan struct{}
	err  error // once done
}

// current tells whether the keys at hand may be used without waiting for
// others. It has them fetched beside if they are due.
func (k *keySet) current(ctx context.Context, now time.Time) bool {
	present := k.present.Load()
	if present == nil {
		return false
	}
	age := now.Sub(present.at)
	if age < k.refresh {
		return true
	}
	k.start(ctx)
	// After a long silence nobody has noticed what was withdrawn, so the first
	// to come waits, unless it would wait for an issuer that is away.
	return age < k.maxStale && (age < 2*k.refresh || k.failing.Load())
}

// find gives the keys that go by kid; there may be none. Errors: ErrIssuerUnavailable.
func (k *keySet) find(ctx context.Context, kid string) ([]*key, error) {
	if k.current(ctx, k.now()) {
		if keys := k.present.Load().keys[kid]; keys != nil {
			return keys, nil
		}
	}
	err := k.await(ctx)
	present := k.present.Load()
	if present != nil && k.now().Sub(present.at) < k.maxStale {
		keys := present.keys[kid]
		if keys != nil || err == nil {
			return keys, nil
		}
	}
	if err == nil {
		err = errStale
	}
	return nil, fmt.Errorf("%w: %w", ErrIssuerUnavailable, err)
}

// renewed gives the keys that go by kid after another fetch, if one may be
// made; none if they are still those that were tried.
func (k *keySet) renewed(ctx context.Context, kid string, tried []*key) []*key {
	if err := k.await(ctx); err != nil {
		return nil
	}
	keys := k.present.Load().keys[kid]
	if slices.Equal(keys, tried) {
		return nil
	}
	return keys
}

// await waits for a fetch, if one may be made, and tells how the last one went.
func (k *keySet) await(ctx context.Context) error {
	flight := k.start(ctx)
	select {
	case <-flight.done:
		return flight.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the keys: %w", context.Cause(ctx))
	}
}

// start begins a fetch and gives it; or the one under way; or the last one, if
// it is too early for another.
func (k *keySet) start(ctx context.Context) *flight {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.flight != nil {
		return k.flight
	}
	now := k.now()
	pause := k.refetch
	if k.failing.Load() {
		pause = k.retry
	}
	if since := now.Sub(k.started); k.last != nil && since >= 0 && since < pause {
		return k.last
	}
	begun := &flight{done: make(chan struct{})}
	k.flight, k.started = begun, now
	// The fetch is for all who wait, so it outlives the one who began it.
	go k.fly(context.WithoutCancel(ctx), begun)
	return begun
}

func (k *keySet) fly(ctx context.Context, flight *flight) {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	keys, err := k.fetch(ctx)
	if err == nil {
		k.replace(keys)
	}
	k.failing.Store(err != nil)
	k.fetched(err)
	k.mutex.Lock()
	flight.err = err
	k.flight, k.last = nil, flight
	k.mutex.Unlock()
	close(flight.done)
}

func (k *keySet) fetch(ctx context.Context) (keys []*key, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("read the keys: panic: %v", cause)
		}
	}()
	return k.source.keys(ctx)
}

// replace takes the issuer's keys in place of those there were. A key that
// stays is the same key; one that is gone is marked, for tokens that were
// verified with it.
func (k *keySet) replace(keys []*key) {
	next := &snapshot{keys: make(map[string][]*key, len(keys)), at: k.now()}
	var before map[string][]*key
	if present := k.present.Load(); present != nil {
		before = present.keys
	}
	stays := make(map[*key]bool)
	for _, fresh := range keys {
		kept := fresh
		for _, old := range before[fresh.id] {
			if old.same(fresh) {
				kept = old
			}
		}
		stays[kept] = true
		next.keys[kept.id] = append(next.keys[kept.id], kept)
	}
	k.present.Store(next)
	for _, olds := range before {
		for _, old := range olds {
			if !stays[old] {
				old.withdrawn.Store(true)
			}
		}
	}
}

func (k *keySet) state() KeysState {
	k.mutex.Lock()
	last := k.last
	k.mutex.Unlock()
	var state KeysState
	if last != nil {
		state.Err = last.err
	}
	if present := k.present.Load(); present != nil {
		for _, keys := range present.keys {
			state.Count += len(keys)
		}
		state.Fetched = present.at
		state.Usable = k.now().Sub(present.at) < k.maxStale
	}
	return state
}
