package limits

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newThrottle(t testing.TB, rate Rate, addresses int) (*Throttle, *tally) {
	t.Helper()
	seen := newTally()
	throttle, err := NewThrottle(ThrottleOptions{Rate: rate, MaxAddresses: addresses, Observer: seen})
	if err != nil {
		t.Fatal(err)
	}
	return throttle, seen
}

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, seen := newThrottle(t, Rate{Requests: 100, Per: time.Second, Burst: 50}, 1000)
		address := netip.MustParseAddr("203.0.113.9")
		var all sync.WaitGroup
		var allowed atomic.Int64
		for range 10 {
			all.Go(func() {
				for range 20 {
					if throttle.Allow(address).Allowed {
						allowed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if got := allowed.Load(); got != 50 {
			t.Errorf("%d of 200 allowed, want the burst of 50", got)
		}
		if d := throttle.Allow(address); d.Allowed || d.RetryAfter != 10*time.Millisecond || d.Remaining != 0 {
			t.Errorf("%+v", d)
		}
		if d := throttle.Allow(netip.MustParseAddr("203.0.113.10")); !d.Allowed || d.Remaining != 49 {
			t.Errorf("another address: %+v", d)
		}
		time.Sleep(100 * time.Millisecond)
		if d := throttle.Allow(address); !d.Allowed || d.Remaining != 9 {
			t.Errorf("after a tenth of a second: %+v", d)
		}
		if seen.allowed[Local] != 52 || seen.refused[Local] != 151 {
			t.Errorf("told of %v allowed, %v refused", seen.allowed, seen.refused)
		}
	})
}

func TestThrottleTakesANetworkForOne(t *testing.T) {
	throttle, _ := newThrottle(t, slowly(10), 1000)
	allowed := 0
	for i := range 1000 {
		if throttle.Allow(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x:1", i))).Allowed {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("%d addresses of one network were let in, want 10", allowed)
	}
}

func TestAddressesInMemoryAreBounded(t *testing.T) {
	throttle, _ := newThrottle(t, slowly(10), 100)
	for i := range 10_000 {
		throttle.Allow(netip.AddrFrom4([4]byte{1, 1, byte(i >> 8), byte(i)}))
	}
	throttle.addresses.CleanUp()
	if size := throttle.addresses.EstimatedSize(); size > 100 {
		t.Errorf("%d addresses are kept, want at most 100", size)
	}
}
