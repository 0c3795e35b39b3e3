//go:build linux

package runtime

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// addresses gives out the pods' addresses in turn, so that one is used again only
// after all others. It needs its user's lock.
type addresses struct {
	prefix netip.Prefix
	next   netip.Addr
	used   map[netip.Addr]bool
}

// newAddresses starts somewhere in the prefix, since a node that starts again does
// not know which addresses were used last.
func newAddresses(prefix netip.Prefix) (*addresses, error) {
	if !prefix.Addr().Is4() || prefix.Bits() > 24 {
		return nil, fmt.Errorf("pod addresses %s: an IPv4 prefix of /24 or wider is needed", prefix)
	}
	prefix = prefix.Masked()
	start := prefix.Addr().As4()
	third := uint32(start[2])
	if wide := 24 - prefix.Bits(); wide > 0 {
		third += rand.Uint32N(1 << min(wide, 8))
	}
	start[2] = byte(third)
	return &addresses{prefix: prefix, next: netip.AddrFrom4(start), used: map[netip.Addr]bool{}}, nil
}

func (a *addresses) take() (netip.Addr, error) {
	start := a.next
	for {
		candidate := a.next
		a.next = candidate.Next()
		if !a.prefix.Contains(a.next) {
			a.next = a.prefix.Addr()
		}
		if last := candidate.As4()[3]; last > 1 && last < 255 && !a.used[candidate] {
			a.used[candidate] = true
			return candidate, nil
		}
		if a.next == start {
			return netip.Addr{}, fmt.Errorf("no pod address is free in %s", a.prefix)
		}
	}
}

func (a *addresses) release(address netip.Addr) { delete(a.used, address) }
