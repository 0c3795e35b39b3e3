package limits

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
)

const (
	// leaseLife is how long a lease may be spent; what is left then is lost.
	leaseLife = 2 * time.Second
	// coolDown is how long Redis is left alone after it failed.
	coolDown = time.Second
)

// LimiterOptions of a Limiter.
type LimiterOptions struct {
	// Client may be nil: then each process limits by itself. It has to heed
	// contexts (redis.Options.ContextTimeoutEnabled).
	Client *redis.Client
	// Rates of each class; DefaultRates has them all.
	Rates map[Class]Rate
	// Roles have rates of their own; a class that one leaves out has the usual rate.
	Roles map[string]map[Class]Rate
	// Timeout is how long a request waits for Redis before its process decides alone.
	Timeout time.Duration
	// MaxClients bounds how many clients' accounts are kept in memory, about 300
	// bytes each. Those that come least are forgotten first, and Redis knows them still.
	MaxClients int
	Observer   Observer
}

// Limiter holds each client to its rate. Redis keeps the accounts, so that
// processes share them. A process takes leases of several requests and spends
// them without asking: Redis is on the way of few requests. What all processes
// allow is at most the burst and the rate since, for every request allowed was
// given out by Redis before; within a shorter time it is that and a lease (a
// tenth of a second's requests) for each process, which it may have held before.
// While Redis is away each process holds clients to the same rate by itself.
// Safe for concurrent use.
type Limiter struct {
	options  LimiterOptions
	usual    [classes]*budget
	roles    map[string][classes]*budget
	accounts *otter.Cache[accountKey, *account]
	script   *redis.Script
	began    time.Time
	leave    atomic.Int64 // until then, after began, Redis is left alone
	down     atomic.Bool
}

// NewLimiter refuses rates that can't be kept.
func NewLimiter(options LimiterOptions) (*Limiter, error) {
	l := &Limiter{options: options, roles: map[string][classes]*budget{}, script: newLeaseScript(), began: time.Now()}
	for class := range classes {
		rate, has := options.Rates[class]
		if !has {
			return nil, fmt.Errorf("limit class %s: %w", class, errNoClass)
		}
		b, err := newBudget(class.String(), rate)
		if err != nil {
			return nil, err
		}
		l.usual[class] = b
	}
	for role, rates := range options.Roles {
		budgets := l.usual
		for class, rate := range rates {
			if class >= classes {
				return nil, fmt.Errorf("limit role %s: there is no %s", role, class)
			}
			b, err := newBudget(class.String(), rate)
			if err != nil {
				return nil, fmt.Errorf("limit role %s: %w", role, err)
			}
			budgets[class] = b //nolint:gosec // class was compared above
		}
		l.roles[role] = budgets
	}
	accounts, err := otter.New(&otter.Options[accountKey, *account]{MaximumSize: max(1, options.MaxClients)})
	if err != nil {
		return nil, fmt.Errorf("make the table of clients: %w", err)
	}
	l.accounts = accounts
	return l, nil
}

func (l *Limiter) now() time.Duration { return time.Since(l.began) }

func (l *Limiter) budget(role string, class Class) *budget {
	if role != "" {
		if budgets, has := l.roles[role]; has {
			return budgets[class]
		}
	}
	return l.usual[class]
}

// Allow takes one request off the client's account. It waits for Redis, no
// longer than Timeout, if this process has no lease for the client.
func (l *Limiter) Allow(ctx context.Context, client Client, class Class) Decision {
	b, key := l.budget(client.Role, class), client.key(class)
	a, has := l.accounts.GetIfPresent(key)
	if !has {
		a, _ = l.accounts.SetIfAbsent(key, &account{key: key})
	}
	asked := false
	for {
		decision, next, n := l.spend(ctx, a, b)
		switch next {
		case ask:
			l.take(ctx, a, b, n)
			asked = true
			continue
		case wait:
			if l.await(ctx, a) {
				continue
			}
			decision = a.alone(b, l.now())
		case decided:
		}
		if asked && decision.Source == Lease {
			decision.Source = Redis
		}
		l.options.Observer.Limited(b.name, decision.Source, decision.Allowed)
		return decision
	}
}

// Peek tells what Allow would say, as far as this process knows, and takes
// nothing: to turn away who has failed too often before another attempt.
func (l *Limiter) Peek(client Client, class Class) Decision {
	b := l.budget(client.Role, class)
	a, has := l.accounts.GetIfPresent(client.key(class))
	if !has {
		return b.decide(true, b.rate.Burst, 0, Local)
	}
	decision := a.peek(b, l.now(), l.options.Client == nil || l.down.Load())
	if !decision.Allowed {
		l.options.Observer.Limited(b.name, decision.Source, false)
	}
	return decision
}

// spend decides by what is known. If Redis has to be asked, this caller is to
// ask it for n requests, or to wait for another's answer.
func (l *Limiter) spend(ctx context.Context, a *account, b *budget) (decision Decision, next step, n int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := l.now()
	a.adopt(b)
	switch {
	case a.left > 0 && now < a.expires:
		a.left--
		a.note(now)
		if a.low(now) && l.mayAsk(now) {
			n := a.begin(now)
			go l.take(ctx, a, b, n)
		}
		return b.decide(true, a.remaining(now), 0, Lease), decided, 0
	case now < a.empty:
		return b.decide(false, 0, a.empty-now, Lease), decided, 0
	case a.answer != nil:
		return Decision{}, wait, 0
	case l.mayAsk(now):
		return Decision{}, ask, a.begin(now)
	}
	return a.decideAlone(now), decided, 0
}

type step int

const (
	decided step = iota
	ask
	wait
)

// mayAsk says whether Redis is in use. After it failed, one caller in each
// coolDown tries it.
func (l *Limiter) mayAsk(now time.Duration) bool {
	if l.options.Client == nil {
		return false
	}
	if !l.down.Load() {
		return true
	}
	until := l.leave.Load()
	return int64(now) >= until && l.leave.CompareAndSwap(until, int64(now+coolDown))
}

// take asks Redis for n requests, which a.begin has announced.
func (l *Limiter) take(ctx context.Context, a *account, b *budget, n int) {
	// Others wait for the answer, too, whatever becomes of this caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.options.Timeout)
	defer cancel()
	began := l.now()
	granted, err := l.lease(ctx, a.key.redis(), b, n)
	now := l.now()
	l.options.Observer.LeaseTaken(now-began, err)
	l.report(err, now)
	a.end(now, n, granted, err)
}

func (l *Limiter) report(err error, now time.Duration) {
	if err == nil {
		if l.down.CompareAndSwap(true, false) {
			l.options.Observer.LimiterUp(true)
		}
		return
	}
	l.leave.Store(int64(now + coolDown))
	if l.down.CompareAndSwap(false, true) {
		l.options.Observer.LimiterUp(false)
	}
}

// await waits until the call to Redis that is under way is over; false if ctx ends before.
func (l *Limiter) await(ctx context.Context, a *account) bool {
	a.mutex.Lock()
	answer := a.answer
	a.mutex.Unlock()
	if answer == nil {
		return true
	}
	select {
	case <-answer:
		return true
	case <-ctx.Done():
		return false
	}
}

// Ping tells whether limits are shared: nil, ErrAlone, or Redis's error.
func (l *Limiter) Ping(ctx context.Context) error {
	if l.options.Client == nil {
		return ErrAlone
	}
	return l.options.Client.Ping(ctx).Err()
}

// ErrAlone says that the limits are this process's own: no Redis is configured.
var ErrAlone = errors.New("limits aren't shared: there is no Redis")
