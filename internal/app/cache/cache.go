// Package cache keeps serialized products in Redis, read through. Redis is
// there to make reads fast, never to make them possible: whatever happens to
// it, a read is answered by its loader.
package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// Entry is a product as it is answered.
type Entry struct {
	Version int64
	Body    []byte
}

// Result says where an entry came from.
type Result string

// The results. All but Hit went to the loader.
const (
	Hit    Result = "hit"
	Miss   Result = "miss"
	Failed Result = "error"  // Redis was asked and didn't answer
	Bypass Result = "bypass" // Redis wasn't asked: there is none, or it failed a moment ago
)

// Load reads the entry from where it is kept.
type Load func(ctx context.Context) (Entry, error)

// Observer is told how the cache does.
type Observer interface {
	CacheRead(Result)
	// CacheInvalidation tells whether Redis took it; if not, it is repeated.
	CacheInvalidation(done bool)
	// CacheUp is told when Redis is given up for a while, and when it is back.
	CacheUp(up bool)
}

// Options of a cache.
type Options struct {
	// Client may be nil: then every read is a Bypass.
	Client *redis.Client
	// TTL is how long an entry lives, give or take a tenth, so that entries
	// made together don't end together. It bounds how stale a read can be if
	// a process dies between a write and its invalidation.
	TTL time.Duration
	// LoadTimeout bounds one load, which may serve several readers.
	LoadTimeout time.Duration
	Observer    Observer
	// Now is the clock that decides when Redis is asked again after it failed.
	Now func() time.Time
}

// Cache is safe for concurrent use.
type Cache struct {
	options Options
	flights singleflight.Group
	breaker breaker
	overdue overdue
	scripts scripts
}

// New makes a cache. Run has to run beside it.
func New(options Options) *Cache {
	return &Cache{
		options: options,
		breaker: breaker{now: options.Now, changed: options.Observer.CacheUp},
		scripts: newScripts(),
	}
}

// The part before the ID. The number is that of the body's form: a release
// that changes it takes another, as both run side by side during a canary.
const keyPrefix = "pocctl:product:1:"

func key(id uuid.UUID) string { return keyPrefix + id.String() }

// Fetch gives the cached entry, or loads and keeps it. Readers of one missing
// entry share one load. Errors are the loader's.
func (c *Cache) Fetch(ctx context.Context, id uuid.UUID, load Load) (Entry, Result, error) {
	entry, least, result := c.lookup(ctx, key(id))
	c.options.Observer.CacheRead(result)
	if result == Hit {
		return entry, Hit, nil
	}
	entry, err := c.loadShared(ctx, id, result == Miss, load)
	if err == nil && entry.Version < least {
		// The shared load began before the write that this reader may know of.
		entry, err = load(ctx)
	}
	return entry, result, err
}

// lookup gives an entry, or the least version that may still be served.
func (c *Cache) lookup(ctx context.Context, key string) (entry Entry, least int64, result Result) {
	if c.options.Client == nil || c.overdue.has(key) || !c.breaker.allow() {
		return Entry{}, 0, Bypass
	}
	value, err := c.options.Client.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		c.breaker.report(nil)
		return Entry{}, 0, Miss
	}
	c.settle(ctx, err)
	if err != nil {
		return Entry{}, 0, Failed
	}
	version, body, ok := decode(value)
	switch {
	case !ok:
		return Entry{}, 0, Miss
	case len(body) == 0:
		return Entry{}, version, Miss
	}
	return Entry{Version: version, Body: body}, 0, Hit
}

func (c *Cache) loadShared(ctx context.Context, id uuid.UUID, keep bool, load Load) (Entry, error) {
	// The load outlives the reader who began it: others may wait for it too.
	flight := c.flights.DoChan(key(id), func() (loaded any, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("load product %s: panic: %v", id, cause)
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.LoadTimeout)
		defer cancel()
		entry, err := load(ctx)
		if err == nil && keep {
			c.keep(ctx, key(id), entry)
		}
		return entry, err
	})
	select {
	case result := <-flight:
		entry, _ := result.Val.(Entry)
		return entry, result.Err
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	}
}

func (c *Cache) keep(ctx context.Context, key string, entry Entry) {
	jitter := 0.9 + 0.2*rand.Float64()
	ttl := time.Duration(float64(c.options.TTL) * jitter)
	err := c.scripts.keep.Run(ctx, c.options.Client, []string{key}, encode(entry), ttl.Milliseconds()).Err()
	c.settle(ctx, err)
}

// Ping tells whether Redis answers. ErrDisabled if there is none.
func (c *Cache) Ping(ctx context.Context) error {
	if c.options.Client == nil {
		return ErrDisabled
	}
	return c.options.Client.Ping(ctx).Err()
}

// ErrDisabled says that the service was started without Redis.
var ErrDisabled = errors.New("no cache is configured")

// settle tells the breaker how a call went, unless it was the caller who left.
func (c *Cache) settle(ctx context.Context, err error) {
	if err == nil || ctx.Err() == nil {
		c.breaker.report(err)
	}
}
