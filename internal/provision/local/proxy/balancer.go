package proxy

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// balancer chooses backends in turn, or the same one for the same client where
// the Service has session affinity.
type balancer struct {
	now func() time.Time

	mu       sync.Mutex
	backends []netip.AddrPort
	next     int
	affinity time.Duration
	sticky   map[netip.Addr]choice
}

type choice struct {
	backend netip.AddrPort
	used    time.Time
}

func newBalancer() *balancer {
	return &balancer{now: time.Now, sticky: map[netip.Addr]choice{}}
}

func (b *balancer) set(backends []netip.AddrPort, affinity time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends, b.affinity = backends, affinity
	for client, chosen := range b.sticky {
		if affinity == 0 || b.expired(chosen) || !slices.Contains(backends, chosen.backend) {
			delete(b.sticky, client)
		}
	}
}

// order gives every backend, the one to try first at the head.
func (b *balancer) order(client netip.Addr) []netip.AddrPort {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.backends) == 0 {
		return nil
	}
	first := b.next % len(b.backends)
	chosen, stuck := b.sticky[client]
	if at := slices.Index(b.backends, chosen.backend); stuck && !b.expired(chosen) && at >= 0 {
		first = at
	} else {
		b.next = first + 1
	}
	return slices.Concat(b.backends[first:], b.backends[:first])
}

// reached remembers the backend that a client got.
func (b *balancer) reached(client netip.Addr, backend netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.affinity > 0 {
		b.sticky[client] = choice{backend, b.now()}
	}
}

func (b *balancer) expired(chosen choice) bool { return b.now().Sub(chosen.used) > b.affinity }
