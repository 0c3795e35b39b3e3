package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	// pushChannel carries the invalidations of all processes, whichever
	// database of Redis they use.
	pushChannel = "pocctl:product:invalidated"
	// proofInterval is how often it is proven that invalidations arrive, and
	// proofLife how long a proof is good for: a connection that died without a
	// word gives no older answers than that.
	proofInterval = 500 * time.Millisecond
	proofLife     = 1500 * time.Millisecond
	// leastPause and mostPause are between attempts to subscribe.
	leastPause = 100 * time.Millisecond
	mostPause  = time.Second
)

// push is what a fence publishes: the version in 19 digits, then the ID. The
// version is for people who listen: a subscriber drops what it has in any case,
// since it can't be older than what it reads next.
func push(version int64, id uuid.UUID) string {
	return fmt.Sprintf("%0*d%s", versionDigits, version, id)
}

func parsePush(message string) (uuid.UUID, error) {
	if len(message) != versionDigits+36 {
		return uuid.UUID{}, fmt.Errorf("%d bytes", len(message))
	}
	return uuid.Parse(message[versionDigits:])
}

// listen keeps the local tier honest until ctx ends: it is in use while this
// process is subscribed to invalidations.
func (c *Cache) listen(ctx context.Context) {
	pause := leastPause
	for ctx.Err() == nil {
		if was, err := c.subscribe(ctx); was {
			c.local.down()
			if ctx.Err() != nil {
				err = ctx.Err() // it is this process that ends
			}
			c.options.Observer.CacheLocal(false, err)
			pause = leastPause
		}
		wait(ctx, time.Duration(float64(pause)*(0.5+rand.Float64())))
		pause = min(2*pause, mostPause)
	}
}

func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// subscribe takes invalidations until it fails; was tells whether it did at all.
// go-redis would subscribe again by itself, and what was published meanwhile be
// lost unnoticed: so each subscription has a PubSub of its own.
func (c *Cache) subscribe(ctx context.Context) (was bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	subscription := c.options.Client.Subscribe(ctx)
	var proofs sync.WaitGroup
	defer proofs.Wait()
	defer subscription.Close()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() }) // wakes the receiver
	defer stop()

	asked := c.local.elapsed()
	if err := subscription.Subscribe(ctx, pushChannel); err != nil {
		return false, fmt.Errorf("subscribe to invalidations: %w", err)
	}
	first, err := subscription.ReceiveTimeout(ctx, proofLife)
	if err != nil {
		return false, fmt.Errorf("subscribe to invalidations: %w", err)
	}
	if _, subscribed := first.(*redis.Subscription); !subscribed {
		return false, fmt.Errorf("subscribe to invalidations: Redis answers with %v", first)
	}
	c.local.up(asked)
	c.options.Observer.CacheLocal(true, nil)
	proofs.Go(func() { c.askForProofs(ctx, subscription) })
	for {
		message, err := subscription.ReceiveTimeout(ctx, proofLife)
		if err == nil {
			err = c.receive(message)
		}
		if err != nil {
			return true, fmt.Errorf("listen to invalidations: %w", err)
		}
	}
}

// askForProofs sends pings that bear the time. Redis answers in order: once a
// ping is back, so is all that was published before it was sent.
func (c *Cache) askForProofs(ctx context.Context, subscription *redis.PubSub) {
	tick := time.NewTicker(proofInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if subscription.Ping(ctx, strconv.FormatInt(c.local.elapsed(), 10)) != nil {
			_ = subscription.Close() // wakes the receiver
			return
		}
	}
}

// receive takes one message of a subscription.
func (c *Cache) receive(message any) error {
	switch message := message.(type) {
	case *redis.Message:
		id, err := parsePush(message.Payload)
		if err != nil {
			return fmt.Errorf("a message that isn't understood: %w", err)
		}
		c.local.drop(id)
	case *redis.Pong:
		at, err := strconv.ParseInt(message.Payload, 10, 64)
		if err != nil {
			return fmt.Errorf("an answer that isn't understood: %w", err)
		}
		c.local.prove(at)
	default:
		return errResubscribed
	}
	return nil
}

var errResubscribed = errors.New("the connection was lost and made again")

// Local tells whether products are answered from this process's memory: only
// while it is sure to hear of invalidations.
func (c *Cache) Local() bool { return c.local.isUp() }
