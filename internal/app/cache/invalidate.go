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

// Invalidate makes versions of the product before the given one unreadable, and
// forgets that there was none. When it returns no reader of this process gets
// them; those of others do until Redis has told them. If Redis doesn't answer,
// this process reads the product from the store and repeats the invalidation
// until it is done or the entry has expired.
func (c *Cache) Invalidate(ctx context.Context, id uuid.UUID, version int64) {
	if c.options.Client == nil {
		return
	}
	c.flights.Forget(key(id))
	c.local.drop(id)
	// Again when it is done: until then a reader may take the old one from Redis.
	defer c.local.drop(id)
	// The write is done, so this is too, even if the client has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	done := c.breaker.allow() && c.fence(ctx, id, version)
	if !done {
		c.overdue.add(id, version, c.options.Now().Add(c.longestLife()))
	}
	c.options.Observer.CacheInvalidation(done)
}

// Run listens to the invalidations of other processes, and repeats those that
// Redis didn't take. It returns when ctx ends.
func (c *Cache) Run(ctx context.Context) {
	var listener sync.WaitGroup
	defer listener.Wait()
	if c.local != nil {
		listener.Go(func() { c.listen(ctx) })
	}
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
	for id, late := range c.overdue.all() {
		if c.options.Now().After(late.until) {
			c.overdue.remove(id, late)
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
		done := c.breaker.allow() && c.fence(ctx, id, late.version)
		cancel()
		if !done {
			return
		}
		c.overdue.remove(id, late)
		c.options.Observer.CacheInvalidation(true)
	}
}

func (c *Cache) fence(ctx context.Context, id uuid.UUID, version int64) bool {
	err := c.scripts.fence.Run(ctx, c.options.Client, []string{key(id)},
		encode(Entry{Version: version}), fenceTTL.Milliseconds(), pushChannel, push(version, id)).Err()
	c.breaker.report(err)
	return err == nil
}

// longestLife is the most that an entry can live, jitter included.
func (c *Cache) longestLife() time.Duration { return c.options.TTL + c.options.TTL/10 }

// overdue holds invalidations that Redis has yet to take.
type overdue struct {
	count atomic.Int64 // spares the usual read, when there are none, the lock
	mutex sync.Mutex
	keys  map[uuid.UUID]late
}

type late struct {
	version int64
	until   time.Time // when the entry has expired by itself
}

func (o *overdue) has(id uuid.UUID) bool {
	if o.count.Load() == 0 {
		return false
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	_, has := o.keys[id]
	return has
}

func (o *overdue) add(id uuid.UUID, version int64, until time.Time) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.keys == nil {
		o.keys = map[uuid.UUID]late{}
	}
	if before, has := o.keys[id]; has {
		version = max(version, before.version)
	} else if len(o.keys) >= maxOverdue {
		return
	}
	o.keys[id] = late{version, until}
	o.count.Store(int64(len(o.keys)))
}

func (o *overdue) all() map[uuid.UUID]late {
	if o.count.Load() == 0 {
		return nil
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	copied := make(map[uuid.UUID]late, len(o.keys))
	for id, late := range o.keys {
		copied[id] = late
	}
	return copied
}

// remove forgets the product unless it has been added again meanwhile.
func (o *overdue) remove(id uuid.UUID, done late) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.keys[id] == done {
		delete(o.keys, id)
	}
	o.count.Store(int64(len(o.keys)))
}
