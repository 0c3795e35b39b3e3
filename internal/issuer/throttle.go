package issuer

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// throttle slows down who guesses: it counts what fails, by who tried, and
// doesn't look at what is tried in haste. What is right costs nothing.
type throttle struct {
	now func() time.Time

	mutex sync.Mutex
	known map[string]*rate.Limiter
}

const (
	guessEvery    = 2 * time.Second
	guessesAtOnce = 5
	maxThrottled  = 10_000 // beyond it the rest are counted together
)

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, known: map[string]*rate.Limiter{}}
}

// try calls check unless who has failed too often of late; then early is true.
// check must be fast, as only one is called at a time: many guesses sent at once
// are no more than as many sent one after another.
func (t *throttle) try(who string, check func() bool) (right, early bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	failures := t.of(who, now)
	if failures.TokensAt(now) < 1 {
		return false, true
	}
	if check() {
		return true, false
	}
	failures.AllowN(now, 1)
	return false, false
}

func (t *throttle) of(who string, now time.Time) *rate.Limiter {
	if known := t.known[who]; known != nil {
		return known
	}
	if len(t.known) >= maxThrottled {
		for name, one := range t.known {
			if one.TokensAt(now) >= guessesAtOnce { // has nothing to remember
				delete(t.known, name)
			}
		}
	}
	if len(t.known) >= maxThrottled {
		who = ""
	}
	if t.known[who] == nil {
		t.known[who] = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	return t.known[who]
}

// caller is where a request comes from: an address, or a network of IPv6, as
// whoever has one address there has them all. What a proxy says of others isn't
// believed: behind one, all are one.
func caller(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap()
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
