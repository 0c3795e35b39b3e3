package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	// fenceTTL outlives any load that began before the write.
	fenceTTL = time.Minute
	// invalidateTimeout is how long a write waits for Redis.
	invalidateTimeout = 500 * time.Millisecond
	// repeatInterval is how soon an invalidation that failed is tried again.
	repeatInterval = 500 * time.Millisecond
	// maxOverdue bounds memory in a long outage; entries outlive it by no more than their TTL.
	maxOverdue = 100_000
)

// Invalidate makes versions of the product before the given one unreadable. If
// Redis doesn't answer, this process reads the product from the store and
// repeats the invalidation until it is done or the entry has expired.
func (c *Cache) Invalidate(ctx context.Context, id uuid.UUID, version int64) {
	if c.options.Client == nil {
		return
	}
	c.flights.Forget(key(id))
	// The write is done, so this is too, even if the client has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	done := c.breaker.allow() && c.fence(ctx, key(id), version)
	if !done {
		c.overdue.add(key(id), version, c.options.Now().Add(c.longestLife()))
	}
	c.options.Observer.CacheInvalidation(done)
}

// Run repeats invalidations that Redis didn't take. It returns when ctx ends.
func (c *Cache) Run(ctx context.Context) {
	tick := time.NewTicker(repeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.repeat(ctx)
		}
	}
}

func (c *Cache) repeat(ctx context.Context) {
	for key, late := range c.overdue.all() {
		if c.options.Now().After(late.until) {
			c.overdue.remove(key, late)
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
		done := c.breaker.allow() && c.fence(ctx, key, late.version)
		cancel()
		if !done {
			return
		}
		c.overdue.remove(key, late)
		c.options.Observer.CacheInvalidation(true)
	}
}

func (c *Cache) fence(ctx context.Context, key string, version int64) bool {
	err := c.scripts.fence.Run(ctx, c.options.Client, []string{key}, encode(Entry{Version: version}), fenceTTL.Milliseconds()).Err()
	c.breaker.report(err)
	return err == nil
}

// longestLife is the most that an entry can live, jitter included.
func (c *Cache) longestLife() time.Duration { return c.options.TTL + c.options.TTL/10 }

// overdue holds invalidations that Redis has yet to take.
type overdue struct {
	count atomic.Int64 // spares the usual read, when there are none, the lock
	mutex sync.Mutex
	keys  map[string]late
}

type late struct {
	version int64
	until   time.Time // when the entry has expired by itself
}

func (o *overdue) has(key string) bool {
	if o.count.Load() == 0 {
		return false
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	_, has := o.keys[key]
	return has
}

func (o *overdue) add(key string, version int64, until time.Time) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.keys == nil {
		o.keys = map[string]late{}
	}
	if before, has := o.keys[key]; has {
		version = max(version, before.version)
	} else if len(o.keys) >= maxOverdue {
		return
	}
	o.keys[key] = late{version, until}
	o.count.Store(int64(len(o.keys)))
}

func (o *overdue) all() map[string]late {
	if o.count.Load() == 0 {
		return nil
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	copied := make(map[string]late, len(o.keys))
	for key, late := range o.keys {
		copied[key] = late
	}
	return copied
}

// remove forgets key unless it has been added again meanwhile.
func (o *overdue) remove(key string, done late) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.keys[key] == done {
		delete(o.keys, key)
	}
	o.count.Store(int64(len(o.keys)))
}
