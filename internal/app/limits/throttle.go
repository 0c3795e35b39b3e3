package limits

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// ThrottleOptions of a Throttle.
type ThrottleOptions struct {
	// Rate of each address, or of each /64 of IPv6, in this process.
	Rate Rate
	// MaxAddresses bounds how many addresses are kept in memory, about 110 bytes
	// each; those that come least are forgotten first.
	MaxAddresses int
	Observer     Observer
}

// DefaultThrottle lets through what a few clients behind one address may send.
func DefaultThrottle() Rate { return Rate{Requests: 500, Per: time.Second, Burst: 1000} }

// Throttle holds addresses to a rate before anything is known of who asks,
// so that a flood costs little. It asks nobody. Safe for concurrent use.
type Throttle struct {
	budget    *budget
	observer  Observer
	addresses *otter.Cache[netip.Addr, *atomic.Int64] // when each has its burst again, after began
	began     time.Time
}

// NewThrottle refuses a rate that can't be kept.
func NewThrottle(options ThrottleOptions) (*Throttle, error) {
	b, err := newBudget("address", options.Rate)
	if err != nil {
		return nil, err
	}
	addresses, err := otter.New(&otter.Options[netip.Addr, *atomic.Int64]{MaximumSize: max(1, options.MaxAddresses)})
	if err != nil {
		return nil, fmt.Errorf("make the table of addresses: %w", err)
	}
	return &Throttle{budget: b, observer: options.Observer, addresses: addresses, began: time.Now()}, nil
}

// Allow takes one request off the address's account.
func (t *Throttle) Allow(address netip.Addr) Decision {
	network := Network(address)
	full, has := t.addresses.GetIfPresent(network)
	if !has {
		full, _ = t.addresses.SetIfAbsent(network, new(atomic.Int64))
	}
	now := time.Since(t.began)
	for {
		before := full.Load()
		charged, retry, ok := t.budget.charge(time.Duration(before), now)
		if ok && !full.CompareAndSwap(before, int64(charged)) {
			continue
		}
		t.observer.Limited(t.budget.name, Local, ok)
		return t.budget.decide(ok, t.budget.room(charged, now), retry, Local)
	}
}
