// Package cache keeps serialized products, read through, in Redis and for a
// moment in memory. Redis is there to make reads fast, never to make them
// possible: whatever happens to it, a read is answered by its loader. And it
// keeps memory honest: a process uses its own entries only while Redis tells it
// of every invalidation.
package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// Entry is a product as it is answered. Readers share the body: nobody may
// change it.
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
	Failed Result = "error" // Redis was asked and didn't answer
	// Redis wasn't asked: there is none, it failed a moment ago, or caching is switched off.
	Bypass Result = "bypass"
)

// Tier says who answered a read.
type Tier string

// The tiers.
const (
	Local Tier = "local" // this process's memory
	Redis Tier = "redis"
	Store Tier = "store" // the loader
)

// Load reads the entry from where it is kept.
type Load func(ctx context.Context) (Entry, error)

// Observer is told how the cache does.
type Observer interface {
	CacheRead(Result, Tier)
	// CacheInvalidation tells whether Redis took it; if not, it is repeated.
	CacheInvalidation(done bool)
	// CacheUp is told when Redis is given up for a while, and when it is back.
	CacheUp(up bool)
	// CacheLocal is told when the local tier is in use, and when it no longer is
	// and why.
	CacheLocal(up bool, cause error)
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
	// Local is the tier in this process's memory; the zero value does without.
	Local LocalOptions
	// NotFound tells which of the loader's errors says that there is no such
	// product. Local remembers it for a moment; nil remembers none.
	NotFound func(error) bool
	Observer Observer
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
	local   *local // nil if there is none
}

// New makes a cache. Run has to run beside it: until then the local tier isn't
// in use.
func New(options Options) *Cache {
	if options.NotFound == nil {
		options.NotFound = func(error) bool { return false }
	}
	if options.Client == nil {
		options.Local = LocalOptions{} // nobody would tell of invalidations
	}
	return &Cache{
		options: options,
		breaker: breaker{now: options.Now, changed: options.Observer.CacheUp},
		scripts: newScripts(),
		local:   newLocal(options.Local, options.Now),
	}
}

// The part before the ID. The number is that of the body's form: a release
// that changes it takes another, as both run side by side during a canary.
const keyPrefix = "pocctl:product:1:"

func key(id uuid.UUID) string { return keyPrefix + id.String() }

// Fetch gives the cached entry, or loads and keeps it. Readers of one missing
// entry share one load. Errors are the loader's; a Hit has one if what is known
// is that there is no such product.
func (c *Cache) Fetch(ctx context.Context, id uuid.UUID, load Load) (Entry, Result, error) {
	if k, has := c.local.get(id); has {
		c.options.Observer.CacheRead(Hit, Local)
		return k.entry, Hit, k.err
	}
	before := c.local.mark(id)
	entry, least, result := c.lookup(ctx, id)
	if result == Hit {
		c.local.keep(id, before, entry, nil)
		c.options.Observer.CacheRead(Hit, Redis)
		return entry, Hit, nil
	}
	c.options.Observer.CacheRead(result, Store)
	entry, mine, err := c.loadShared(ctx, id, before, result == Miss, load)
	// A load of somebody else's may have begun before the write that this reader knows of.
	stale := err == nil && entry.Version < least || !mine && least > 0 && c.absent(err)
	if stale {
		if entry, err = load(ctx); err == nil {
			c.local.pass(id, entry.Version)
		}
	}
	return entry, result, err
}

// Bypass is Fetch for while caching is switched off: it loads, and keeps
// nothing. Invalidations go on, so that Fetch is right again at once.
func (c *Cache) Bypass(ctx context.Context, _ uuid.UUID, load Load) (Entry, Result, error) {
	c.options.Observer.CacheRead(Bypass, Store)
	entry, err := load(ctx)
	return entry, Bypass, err
}

func (c *Cache) absent(err error) bool { return err != nil && c.options.NotFound(err) }

// lookup gives an entry, or the least version that may still be served.
func (c *Cache) lookup(ctx context.Context, id uuid.UUID) (entry Entry, least int64, result Result) {
	if c.options.Client == nil || c.overdue.has(id) || !c.breaker.allow() {
		return Entry{}, 0, Bypass
	}
	value, err := c.options.Client.Get(ctx, key(id)).Bytes()
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

// loadShared loads the entry, or waits for who does; mine tells which.
func (c *Cache) loadShared(ctx context.Context, id uuid.UUID, before mark, keep bool, load Load) (entry Entry, mine bool, err error) {
	// The load outlives the reader who began it: others may wait for it too.
	flight := c.flights.DoChan(key(id), func() (loaded any, err error) {
		mine = true
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("load product %s: panic: %v", id, cause)
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.LoadTimeout)
		defer cancel()
		entry, err := load(ctx)
		if keep {
			c.keep(ctx, id, before, entry, err)
		} else if err == nil {
			c.local.pass(id, entry.Version)
		}
		return entry, err
	})
	select {
	case result := <-flight:
		entry, _ := result.Val.(Entry)
		return entry, mine, result.Err
	case <-ctx.Done():
		return Entry{}, false, ctx.Err()
	}
}

// keep takes what was loaded to Redis and to memory; that there is no such
// product to memory alone.
func (c *Cache) keep(ctx context.Context, id uuid.UUID, before mark, entry Entry, err error) {
	switch {
	case c.absent(err):
		c.local.keep(id, before, Entry{}, err)
		return
	case err != nil:
		return
	case !c.local.sameConnection(before):
		// A Redis that was lost meanwhile may have lost the fence that would refuse the entry.
		c.local.pass(id, entry.Version)
		return
	}
	ttl := jitter(c.options.TTL)
	kept, err := c.scripts.keep.Run(ctx, c.options.Client, []string{key(id)}, encode(entry), ttl.Milliseconds()).Bool()
	c.settle(ctx, err)
	if !kept {
		c.local.pass(id, entry.Version)
		return
	}
	c.local.keep(id, before, entry, nil)
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
