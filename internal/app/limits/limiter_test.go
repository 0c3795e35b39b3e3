package limits

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/pocctl/pocctl/internal/app/cache/redistest"
)

// tally counts what an Observer is told.
type tally struct {
	mutex   sync.Mutex
	allowed map[Source]int
	refused map[Source]int
	leases  int
	failed  int
	ups     []bool
	shed    map[Reason]int
	limits  map[Lane][]int
}

func newTally() *tally {
	return &tally{allowed: map[Source]int{}, refused: map[Source]int{}, shed: map[Reason]int{}, limits: map[Lane][]int{}}
}

func (c *tally) Limited(_ string, source Source, allowed bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if allowed {
		c.allowed[source]++
	} else {
		c.refused[source]++
	}
}

func (c *tally) LeaseTaken(_ time.Duration, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err != nil {
		c.failed++
	} else {
		c.leases++
	}
}

func (c *tally) LimiterUp(up bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ups = append(c.ups, up)
}

func (c *tally) Shed(_ Lane, reason Reason) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.shed[reason]++
}

func (c *tally) Concurrency(lane Lane, limit int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.limits[lane] = append(c.limits[lane], limit)
}

func (c *tally) calls() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.leases + c.failed
}

// slowly is a rate that gives nothing back while a test runs.
func slowly(burst int) Rate { return Rate{Requests: 1, Per: time.Hour / 2, Burst: burst} }

func rates(read Rate) map[Class]Rate {
	all := DefaultRates()
	all[Read] = read
	return all
}

type fixture struct {
	*Limiter
	seen *tally
}

func newFixture(t testing.TB, options LimiterOptions) fixture {
	t.Helper()
	f := fixture{seen: newTally()}
	options.Observer = f.seen
	if options.Timeout == 0 {
		options.Timeout = 5 * time.Second
	}
	if options.MaxClients == 0 {
		options.MaxClients = 1000
	}
	limiter, err := NewLimiter(options)
	if err != nil {
		t.Fatal(err)
	}
	f.Limiter = limiter
	return f
}

func from(address string) Client { return Client{Address: netip.MustParseAddr(address)} }

// allowed sends so many requests and counts those that are allowed.
func (f fixture) allowed(client Client, class Class, requests int) int {
	count := 0
	for range requests {
		if f.Allow(context.Background(), client, class).Allowed {
			count++
		}
	}
	return count
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !is() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func TestReplicasShareALimit(t *testing.T) {
	server := redistest.Start(t)
	rate := Rate{Requests: 400, Per: time.Second, Burst: 200}
	client := Client{Subject: "one", Address: netip.MustParseAddr("203.0.113.9")}
	var total atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range 5 {
		f := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rates(rate)})
		for range 2 {
			all.Go(func() {
				for time.Since(began) < 1500*time.Millisecond {
					total.Add(int64(f.allowed(client, Read, 1)))
				}
			})
		}
	}
	all.Wait()
	most := float64(rate.Burst) + float64(rate.Requests)*time.Since(began).Seconds()
	got := float64(total.Load())
	if got > most {
		t.Errorf("%g requests were allowed, %g at most were to be", got, most)
	}
	if got <= float64(rate.Burst) {
		t.Errorf("%g requests were allowed: nothing came back after the burst", got)
	}
	t.Logf("%.0f of %.0f", got, most)
}

func TestALimitIsExactWhereNothingComesBack(t *testing.T) {
	server := redistest.Start(t)
	const burst = 1000
	var total atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		f := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rates(Rate{Requests: 100, Per: time.Hour, Burst: burst})})
		for range 4 {
			all.Go(func() { total.Add(int64(f.allowed(from("203.0.113.9"), Read, burst))) })
		}
	}
	all.Wait()
	if got := total.Load(); got != burst {
		t.Errorf("%d requests were allowed, want exactly %d", got, burst)
	}
}

func TestLeasesKeepRedisOffTheWay(t *testing.T) {
	f := newFixture(t, LimiterOptions{Client: redistest.Start(t).Client(t), Rates: rates(Rate{Requests: 1000, Per: time.Second, Burst: 2000})})
	if got := f.allowed(from("203.0.113.9"), Read, 2000); got != 2000 {
		t.Errorf("%d of 2000 allowed", got)
	}
	if calls := f.seen.calls(); calls > 60 {
		t.Errorf("Redis was asked %d times for 2000 requests", calls)
	}
	f.seen.mutex.Lock()
	defer f.seen.mutex.Unlock()
	if f.seen.allowed[Lease] < 1900 || f.seen.allowed[Local] != 0 {
		t.Errorf("by source: %v", f.seen.allowed)
	}
}

func TestARefusedClientIsRemembered(t *testing.T) {
	f := newFixture(t, LimiterOptions{Client: redistest.Start(t).Client(t), Rates: rates(slowly(3))})
	client := from("203.0.113.9")
	if got := f.allowed(client, Read, 4); got != 3 {
		t.Errorf("%d of 4 allowed, want 3", got)
	}
	calls := f.seen.calls()
	for range 1000 {
		d := f.Allow(t.Context(), client, Read)
		if d.Allowed || d.RetryAfter < 25*time.Minute || d.RetryAfter > 30*time.Minute || d.Remaining != 0 || d.Limit != 3 {
			t.Fatalf("%+v", d)
		}
	}
	if more := f.seen.calls() - calls; more != 0 {
		t.Errorf("Redis was asked %d times more", more)
	}
	if d := f.Peek(client, Read); d.Allowed {
		t.Errorf("peek: %+v", d)
	}
	if d := f.Peek(from("203.0.113.10"), Read); !d.Allowed {
		t.Errorf("peek at another: %+v", d)
	}
}

func TestWhatIsLeftOfALeaseExpires(t *testing.T) {
	server := redistest.Start(t)
	rate := rates(Rate{Requests: 100, Per: time.Hour, Burst: 100})
	one, other := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rate}), newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rate})
	client := from("203.0.113.9")
	key := client.key(Read)
	one.allowed(client, Read, 1)
	a, _ := one.accounts.GetIfPresent(key)
	a.mutex.Lock()
	a.left = 10 // as if it had been leased
	a.mutex.Unlock()
	one.began = one.began.Add(-leaseLife)
	if d := one.Allow(t.Context(), client, Read); d.Source != Redis {
		t.Errorf("decided by %s, want a new lease", d.Source)
	}
	if got := other.allowed(client, Read, 200); got != 98 {
		t.Errorf("%d allowed, want the 98 that are left", got)
	}
}

func TestALimitGoesOnWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	f := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rates(slowly(10)), Timeout: time.Second})
	client, second := from("203.0.113.9"), from("203.0.113.10")
	if got := f.allowed(client, Read, 7); got != 7 {
		t.Errorf("%d of 7 allowed", got)
	}
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	server.Kill(t)
	if got := f.allowed(client, Read, 10); got != 3 {
		t.Errorf("%d more allowed, want the 3 that were left", got)
	}
	if got := f.allowed(second, Read, 20); got != 10 {
		t.Errorf("%d allowed to another client, want a burst of 10", got)
	}
	if d := f.Allow(t.Context(), second, Read); d.Source != Local || d.RetryAfter < 25*time.Minute {
		t.Errorf("without Redis: %+v", d)
	}
	if d := f.Peek(second, Read); d.Allowed || d.Source != Local {
		t.Errorf("peek without Redis: %+v", d)
	}
	if err := f.Ping(t.Context()); err == nil {
		t.Error("a dead Redis answers a ping")
	}
	server.Restart(t)
	third := from("203.0.113.11")
	eventually(t, "Redis is asked again", func() bool { return f.Allow(t.Context(), third, Write).Source == Redis })
	f.seen.mutex.Lock()
	defer f.seen.mutex.Unlock()
	if diff := cmp.Diff([]bool{false, true}, f.seen.ups); diff != "" {
		t.Errorf("told down, then up (-want +got):\n%s", diff)
	}
}

func TestAFrozenRedisHoldsNobodyUp(t *testing.T) {
	server := redistest.Start(t)
	f := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rates(slowly(5)), Timeout: 20 * time.Millisecond})
	f.allowed(from("203.0.113.9"), Read, 1)
	server.Freeze(t)
	defer server.Thaw(t)
	began := time.Now()
	if got := f.allowed(from("203.0.113.10"), Read, 50); got != 5 {
		t.Errorf("%d allowed, want 5", got)
	}
	if calls, most := f.seen.calls(), 3+int(time.Since(began)/coolDown); calls > most {
		t.Errorf("%d calls to a Redis that doesn't answer, want at most %d", calls, most)
	}
}

func TestWhoWaitsForALeaseMayLeave(t *testing.T) {
	server := redistest.Start(t)
	f := newFixture(t, LimiterOptions{Client: server.Client(t), Rates: rates(slowly(5))})
	client := from("203.0.113.9")
	server.Freeze(t)
	var first sync.WaitGroup
	first.Go(func() { f.allowed(client, Read, 1) })
	a := &account{}
	eventually(t, "the first asks Redis", func() bool {
		found, has := f.accounts.GetIfPresent(client.key(Read))
		if !has {
			return false
		}
		a = found
		a.mutex.Lock()
		defer a.mutex.Unlock()
		return a.answer != nil
	})
	gone, leave := context.WithCancel(t.Context())
	leave()
	if d := f.Allow(gone, client, Read); d.Source != Local {
		t.Errorf("decided by %s, want by the process alone", d.Source)
	}
	server.Thaw(t)
	first.Wait()
}

func TestManyFirstRequestsShareLeases(t *testing.T) {
	f := newFixture(t, LimiterOptions{Client: redistest.Start(t).Client(t), Rates: rates(Rate{Requests: 10_000, Per: time.Second, Burst: 20_000})})
	var all sync.WaitGroup
	var total atomic.Int64
	for range 100 {
		all.Go(func() { total.Add(int64(f.allowed(from("203.0.113.9"), Read, 10))) })
	}
	all.Wait()
	if total.Load() != 1000 {
		t.Errorf("%d of 1000 allowed", total.Load())
	}
	if calls := f.seen.calls(); calls > 30 {
		t.Errorf("Redis was asked %d times", calls)
	}
}

func TestBudgetsAreApart(t *testing.T) {
	f := newFixture(t, LimiterOptions{
		Client: redistest.Start(t).Client(t),
		Rates:  map[Class]Rate{Read: slowly(6), Write: slowly(2), AuthFailure: slowly(3)},
		Roles:  map[string]map[Class]Rate{"admin": {Read: slowly(12)}},
	})
	address := netip.MustParseAddr("203.0.113.9")
	for name, test := range map[string]struct {
		client Client
		class  Class
		want   int
	}{
		"read":                   {Client{Subject: "a", Address: address}, Read, 6},
		"write":                  {Client{Subject: "a", Address: address}, Write, 2},
		"another subject":        {Client{Subject: "b", Address: address}, Read, 6},
		"no subject":             {Client{Address: address}, Read, 6},
		"a role with its rate":   {Client{Subject: "c", Role: "admin"}, Read, 12},
		"its other rates":        {Client{Subject: "c", Role: "admin"}, Write, 2},
		"a role without":         {Client{Subject: "d", Role: "viewer"}, Read, 6},
		"a subject like address": {Client{Subject: "203.0.113.9"}, Read, 6},
	} {
		if got := f.allowed(test.client, test.class, 20); got != test.want {
			t.Errorf("%s: %d allowed, want %d", name, got, test.want)
		}
	}
	if got := f.allowed(Client{Subject: "a", Address: address}, AuthFailure, 20); got != 3 {
		t.Errorf("failures: %d allowed, want 3", got)
	}
	for _, client := range []Client{{Subject: "a", Address: address}, {Subject: "e", Address: address}, {Address: address}} {
		if f.Peek(client, AuthFailure).Allowed {
			t.Errorf("%q may fail again from the address", client.Subject)
		}
	}
}

// What a client can do to seem another, or several.
func TestEvasion(t *testing.T) {
	const burst, tries = 5, 200
	behind := trusting(t, "10.0.0.0/8")
	address := func(t *testing.T, p Proxies, remote string, list ...string) Client {
		t.Helper()
		client, err := p.ClientAddress(remote, list)
		if err != nil {
			t.Fatal(err)
		}
		return Client{Address: client}
	}
	tests := map[string]func(t *testing.T, i int) Client{
		"a list from nobody's proxy": func(t *testing.T, i int) Client {
			return address(t, Proxies{}, "198.51.100.7:1", fmt.Sprintf("1.1.%d.%d", i/256, i%256))
		},
		"a list before the proxy's": func(t *testing.T, i int) Client {
			return address(t, behind, "10.0.0.1:1", fmt.Sprintf("1.1.%d.%d, 198.51.100.7", i/256, i%256))
		},
		"fields before the proxy's": func(t *testing.T, i int) Client {
			return address(t, behind, "10.0.0.1:1", fmt.Sprintf("1.1.1.%d", i%256), fmt.Sprintf("10.0.0.%d", i%256), "198.51.100.7")
		},
		"as a proxy": func(t *testing.T, i int) Client {
			return address(t, behind, "10.0.0.1:1", fmt.Sprintf("1.1.1.1, 10.0.0.%d, 198.51.100.7, 10.0.0.2", i%256))
		},
		"another port each time": func(t *testing.T, i int) Client {
			return address(t, Proxies{}, fmt.Sprintf("198.51.100.7:%d", 1024+i))
		},
		"addresses of one network": func(t *testing.T, i int) Client {
			return address(t, Proxies{}, fmt.Sprintf("[2001:db8:1:2::%x]:1", i))
		},
		"another zone": func(t *testing.T, i int) Client {
			return address(t, Proxies{}, fmt.Sprintf("[fe80::1%%eth%d]:1", i))
		},
		"other ways to write an address": func(t *testing.T, i int) Client {
			forms := []string{"[2001:DB8:A::1]:1", "[2001:db8:a:0:0:0:0:1]:1", "[2001:0db8:000a::0001]:1", "[2001:Db8:a::0.0.0.1]:1"}
			return address(t, Proxies{}, forms[i%len(forms)])
		},
		"IPv4 in IPv6": func(t *testing.T, i int) Client {
			return address(t, Proxies{}, []string{"198.51.100.7:1", "[::ffff:198.51.100.7]:1", "[::FFFF:c633:6407]:1"}[i%3])
		},
		"tokens of one subject": func(_ *testing.T, i int) Client {
			return Client{Subject: "same", Address: netip.AddrFrom4([4]byte{1, 1, 1, byte(i)})}
		},
		"tokens with other roles": func(_ *testing.T, i int) Client {
			return Client{Subject: "same", Role: []string{"viewer", "editor", ""}[i%3]}
		},
	}
	server := redistest.Start(t)
	for name, client := range tests {
		t.Run(name, func(t *testing.T) {
			if err := server.Client(t).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			options := LimiterOptions{Client: server.Client(t), Rates: rates(slowly(burst)), Roles: map[string]map[Class]Rate{
				"viewer": {Read: slowly(burst)}, "editor": {Read: slowly(burst)},
			}}
			replicas := []fixture{newFixture(t, options), newFixture(t, options), newFixture(t, options)}
			got := 0
			for i := range tries {
				got += replicas[i%len(replicas)].allowed(client(t, i), Read, 1)
			}
			if got != burst {
				t.Errorf("%d of %d allowed, want %d", got, tries, burst)
			}
		})
	}
}

func TestARoleWithASmallerBurstGivesNothingBack(t *testing.T) {
	f := newFixture(t, LimiterOptions{
		Client: redistest.Start(t).Client(t), Rates: rates(slowly(5)), Roles: map[string]map[Class]Rate{"admin": {Read: slowly(20)}},
	})
	got := 0
	for i := range 100 {
		got += f.allowed(Client{Subject: "same", Role: []string{"admin", "viewer"}[i%2]}, Read, 1)
	}
	if got != 20 {
		t.Errorf("%d allowed, want 20", got)
	}
}

func TestClientsInMemoryAreBounded(t *testing.T) {
	f := newFixture(t, LimiterOptions{Rates: DefaultRates(), MaxClients: 100})
	for i := range 10_000 {
		f.allowed(Client{Subject: fmt.Sprint(i)}, Read, 1)
	}
	f.accounts.CleanUp()
	if size := f.accounts.EstimatedSize(); size > 100 {
		t.Errorf("%d clients are kept, want at most 100", size)
	}
}

func TestAProcessAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, LimiterOptions{Rates: rates(Rate{Requests: 10, Per: time.Second, Burst: 20})})
		client := from("203.0.113.9")
		if err := f.Ping(t.Context()); !errors.Is(err, ErrAlone) {
			t.Errorf("ping: %v", err)
		}
		if got := f.allowed(client, Read, 100); got != 20 {
			t.Errorf("%d allowed at once, want the burst", got)
		}
		d := f.Allow(t.Context(), client, Read)
		if d.RetryAfter != 100*time.Millisecond || d.Reset != 2*time.Second || d.Source != Local {
			t.Errorf("%+v", d)
		}
		time.Sleep(d.RetryAfter)
		if got := f.allowed(client, Read, 10); got != 1 {
			t.Errorf("%d allowed after that, want 1", got)
		}
		time.Sleep(time.Second)
		if d := f.Allow(t.Context(), client, Read); !d.Allowed || d.Remaining != 9 || d.Reset != 1100*time.Millisecond {
			t.Errorf("%+v", d)
		}
		time.Sleep(time.Hour)
		if got := f.allowed(client, Read, 100); got != 20 {
			t.Errorf("%d allowed after a rest, want the burst", got)
		}
	})
}

func TestFields(t *testing.T) {
	f := newFixture(t, LimiterOptions{Rates: rates(Rate{Requests: 1, Per: time.Minute, Burst: 2})})
	client := from("203.0.113.9")
	want := []http.Header{
		{"Ratelimit-Policy": {`"read";q=2;w=120`}, "Ratelimit": {`"read";r=1;t=60`}},
		{"Ratelimit-Policy": {`"read";q=2;w=120`}, "Ratelimit": {`"read";r=0;t=60`}},
		{
			"Ratelimit-Limit": {"2"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"120"},
			"Ratelimit-Policy": {`"read";q=2;w=120`}, "Ratelimit": {`"read";r=0;t=60`}, "Retry-After": {"60"},
		},
	}
	for i, want := range want {
		d, header := f.Allow(t.Context(), client, Read), http.Header{}
		d.Header(header)
		if diff := cmp.Diff(want, header); diff != "" {
			t.Errorf("request %d (-want +got):\n%s", i+1, diff)
		}
		asPairs, pairs := http.Header{}, d.Metadata()
		for i := 0; i < len(pairs); i += 2 {
			asPairs.Set(pairs[i], pairs[i+1])
		}
		if diff := cmp.Diff(want, asPairs); diff != "" {
			t.Errorf("request %d by gRPC (-want +got):\n%s", i+1, diff)
		}
	}
	header := http.Header{}
	Decision{}.Header(header)
	if pairs := (Decision{}).Metadata(); len(header) > 0 || pairs != nil {
		t.Errorf("no decision gives %v, %v", header, pairs)
	}
	d := f.budget("", Read).decide(false, 2, 0, Local)
	d.Header(header)
	if got := header.Get("RateLimit-Reset"); got != "0" {
		t.Errorf("a whole burst is there in %s seconds, want 0", got)
	}
}

func TestRatesThatAreRefused(t *testing.T) {
	for name, rate := range map[string]Rate{
		"none":        {},
		"no requests": {Per: time.Second, Burst: 1},
		"no time":     {Requests: 1, Burst: 1},
		"backwards":   {Requests: 1, Per: -1, Burst: 1},
		"no burst":    {Requests: 1, Per: 1},
		"too fast":    {Requests: 1_000_001, Per: time.Second, Burst: 1},
		"too long":    {Requests: 1, Per: time.Hour, Burst: 25},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewLimiter(LimiterOptions{Rates: rates(rate), Observer: newTally()}); err == nil {
				t.Error("taken as a class's rate")
			}
			if _, err := NewLimiter(LimiterOptions{Rates: DefaultRates(), Roles: map[string]map[Class]Rate{"a": {Write: rate}}, Observer: newTally()}); err == nil {
				t.Error("taken as a role's rate")
			}
			if _, err := NewThrottle(ThrottleOptions{Rate: rate, Observer: newTally()}); err == nil {
				t.Error("taken as an address's rate")
			}
		})
	}
	if _, err := NewLimiter(LimiterOptions{Rates: map[Class]Rate{Read: slowly(1)}, Observer: newTally()}); err == nil {
		t.Error("a class without a rate is taken")
	}
	if _, err := NewLimiter(LimiterOptions{Rates: DefaultRates(), Roles: map[string]map[Class]Rate{"a": {7: slowly(1)}}, Observer: newTally()}); err == nil {
		t.Error("a class that there isn't is taken")
	}
}

func TestAnAnswerThatIsNoLease(t *testing.T) {
	f := newFixture(t, LimiterOptions{Client: redistest.Start(t).Client(t), Rates: rates(slowly(5))})
	f.script = redis.NewScript(`return {1, 2}`)
	if d := f.Allow(t.Context(), from("203.0.113.9"), Read); !d.Allowed || d.Source != Local {
		t.Errorf("%+v", d)
	}
}
