package limits

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/cache/redistest"
)

type deaf struct{}

func (deaf) Limited(string, Source, bool)    {}
func (deaf) LeaseTaken(time.Duration, error) {}
func (deaf) LimiterUp(bool)                  {}
func (deaf) Shed(Lane, Reason)               {}
func (deaf) Concurrency(Lane, int)           {}

// limitless is a rate that no benchmark reaches.
func limitless() Rate { return Rate{Requests: maxPerSecond, Per: time.Second, Burst: 1 << 30} }

func BenchmarkClientAddress(b *testing.B) {
	for name, test := range map[string]struct {
		proxies Proxies
		list    []string
	}{
		"direct":      {Proxies{}, nil},
		"one proxy":   {trusting(b, "10.0.0.0/8"), []string{"203.0.113.9"}},
		"two proxies": {trusting(b, "192.168.0.0/16", "10.0.0.0/8"), []string{"1.1.1.1, 2.2.2.2, 203.0.113.9, 10.9.9.9"}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := test.proxies.ClientAddress("10.1.2.3:5000", test.list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func newLimiter(b *testing.B, options LimiterOptions) *Limiter {
	b.Helper()
	options.Observer, options.Timeout, options.MaxClients = deaf{}, time.Second, 1000
	limiter, err := NewLimiter(options)
	if err != nil {
		b.Fatal(err)
	}
	return limiter
}

func benchmarkAllow(b *testing.B, l *Limiter) {
	client := from("203.0.113.9")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if !l.Allow(ctx, client, Read).Allowed {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAllowByLease(b *testing.B) {
	benchmarkAllow(b, newLimiter(b, LimiterOptions{Client: redistest.Start(b).Client(b), Rates: rates(limitless())}))
}

func BenchmarkAllowAlone(b *testing.B) {
	benchmarkAllow(b, newLimiter(b, LimiterOptions{Rates: rates(limitless())}))
}

func BenchmarkRefuse(b *testing.B) {
	l := newLimiter(b, LimiterOptions{Client: redistest.Start(b).Client(b), Rates: rates(slowly(1))})
	client := from("203.0.113.9")
	l.Allow(b.Context(), client, Read)
	b.ReportAllocs()
	for b.Loop() {
		if l.Allow(b.Context(), client, Read).Allowed {
			b.Fatal("allowed")
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	l := newLimiter(b, LimiterOptions{Rates: rates(limitless())})
	d := l.Allow(b.Context(), from("203.0.113.9"), Read)
	header := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		d.Header(header)
	}
}

func BenchmarkThrottle(b *testing.B) {
	throttle, err := NewThrottle(ThrottleOptions{Rate: limitless(), MaxAddresses: 1000, Observer: deaf{}})
	if err != nil {
		b.Fatal(err)
	}
	address := from("203.0.113.9").Address
	b.ReportAllocs()
	for b.Loop() {
		if !throttle.Allow(address).Allowed {
			b.Fatal("refused")
		}
	}
}

func benchmarkShed(b *testing.B) *Shedder {
	shedder, err := NewShedder(ShedderOptions{Lanes: DefaultLanes(), Observer: deaf{}})
	if err != nil {
		b.Fatal(err)
	}
	return shedder
}

func BenchmarkAcquire(b *testing.B) {
	shedder, ctx := benchmarkShed(b), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		permit, err := shedder.Acquire(ctx, Point)
		if err != nil {
			b.Fatal(err)
		}
		permit.Release(true)
	}
}

func BenchmarkAcquireInParallel(b *testing.B) {
	shedder, ctx := benchmarkShed(b), context.Background()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			permit, err := shedder.Acquire(ctx, Point)
			if err != nil {
				b.Fatal(err)
			}
			permit.Release(true)
		}
	})
}
