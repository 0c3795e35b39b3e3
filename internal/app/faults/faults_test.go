package faults

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const products = "/api/v1/products"

// counts is an Observer.
type counts struct {
	mutex sync.Mutex
	seen  map[Kind]int
}

func (c *counts) FaultInjected(_ string, kind Kind) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.seen == nil {
		c.seen = map[Kind]int{}
	}
	c.seen[kind]++
}

func newInjector(t testing.TB, options Options) *Injector {
	t.Helper()
	injector, err := New(options)
	if err != nil {
		t.Fatalf("make the injector: %v", err)
	}
	return injector
}

func TestErrorsHaveTheirShare(t *testing.T) {
	const requests = 100_000
	for _, percent := range []float64{0, 0.1, 1, 10, 50, 99, 100} {
		seen := &counts{}
		injector := newInjector(t, Options{Seed: 1, Observer: seen})
		failed := 0
		for range requests {
			delay, status := injector.Decide(products, Spec{ErrorPercent: percent, ErrorStatus: 503})
			switch {
			case delay != 0 || status != 0 && status != 503:
				t.Fatalf("at %v%%: waits %s, then %d; want no wait, and 503 or none", percent, delay, status)
			case status != 0:
				failed++
			}
		}
		// Four standard deviations of a binomial distribution.
		share := percent / 100
		margin := 4 * math.Sqrt(requests*share*(1-share))
		if want := requests * share; math.Abs(float64(failed)-want) > margin {
			t.Errorf("at %v%%: %d of %d failed, want %v give or take %.0f", percent, failed, requests, want, margin)
		}
		if seen.seen[Error] != failed || seen.seen[Delay] != 0 {
			t.Errorf("at %v%%: told of %v, want %d errors", percent, seen.seen, failed)
		}
	}
}

func TestASeedRepeatsDecisions(t *testing.T) {
	type decision struct {
		delay  time.Duration
		status int
	}
	spec := Spec{ErrorPercent: 30, Latency: 20 * time.Millisecond, LatencyJitter: 10 * time.Millisecond}
	decide := func(seed uint64) []decision {
		injector := newInjector(t, Options{Seed: seed, Spec: spec})
		decisions := make([]decision, 100)
		for i := range decisions {
			decisions[i].delay, decisions[i].status = injector.Decide(products, Spec{})
		}
		return decisions
	}
	first := decide(7)
	if diff := cmp.Diff(first, decide(7), cmp.AllowUnexported(decision{})); diff != "" {
		t.Errorf("the same seed decides otherwise (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, decide(8), cmp.AllowUnexported(decision{})) {
		t.Error("another seed decides the same")
	}
	if cmp.Equal(decide(0), decide(0), cmp.AllowUnexported(decision{})) {
		t.Error("two random seeds decide the same")
	}
}

func TestDelaysSpreadByTheirJitter(t *testing.T) {
	seen := &counts{}
	injector := newInjector(t, Options{Seed: 3, Observer: seen})
	const requests = 10_000
	shortest, longest, sum := time.Hour, time.Duration(0), time.Duration(0)
	for range requests {
		delay, status := injector.Decide(products, Spec{Latency: 100 * time.Millisecond, LatencyJitter: 50 * time.Millisecond})
		if status != 0 {
			t.Fatalf("status %d with no errors asked for", status)
		}
		shortest, longest, sum = min(shortest, delay), max(longest, delay), sum+delay
	}
	mean := sum / requests
	if shortest < 50*time.Millisecond || longest > 150*time.Millisecond || mean < 98*time.Millisecond || mean > 102*time.Millisecond {
		t.Errorf("from %s to %s, %s on average; want 50ms to 150ms, 100ms on average", shortest, longest, mean)
	}
	if longest-shortest < 90*time.Millisecond {
		t.Errorf("from %s to %s is no spread", shortest, longest)
	}
	if seen.seen[Delay] != requests {
		t.Errorf("told of %d delays, want %d", seen.seen[Delay], requests)
	}
	for range 1000 {
		if delay, _ := injector.Decide(products, Spec{LatencyJitter: time.Second}); delay < 0 || delay > time.Second {
			t.Fatalf("waits %s, want 0 to 1s", delay)
		}
	}
}

func TestDelaysHaveTheirShare(t *testing.T) {
	const requests = 100_000
	for _, percent := range []float64{0.1, 2, 50, 100} {
		seen := &counts{}
		injector := newInjector(t, Options{Seed: 1, Observer: seen, Spec: Spec{Latency: time.Second, LatencyPercent: percent, ErrorPercent: 50}})
		waited, both := 0, 0
		for range requests {
			delay, status := injector.Decide(products, Spec{})
			if delay != 0 && delay != time.Second {
				t.Fatalf("at %v%%: waits %s", percent, delay)
			}
			if delay > 0 {
				waited++
				if status != 0 {
					both++
				}
			}
		}
		share := percent / 100
		margin := 4 * math.Sqrt(requests*share*(1-share))
		if want := requests * share; math.Abs(float64(waited)-want) > margin || seen.seen[Delay] != waited {
			t.Errorf("at %v%%: %d of %d waited and %d were told of, want %v give or take %.0f", percent, waited, requests, seen.seen[Delay], want, margin)
		}
		// Who waits is as likely to fail as who doesn't.
		if half := float64(waited) / 2; math.Abs(float64(both)-half) > 4*math.Sqrt(half/2) {
			t.Errorf("at %v%%: %d of %d that waited failed, want half", percent, both, waited)
		}
	}
}

func TestWhoseSpecCounts(t *testing.T) {
	configured := Spec{ErrorPercent: 100, ErrorStatus: 500}
	flag := Spec{ErrorPercent: 100, ErrorStatus: 503}
	tests := []struct {
		name    string
		options Options
		route   string
		spec    Spec
		want    int
	}{
		{"nothing", Options{}, products, Spec{}, 0},
		{"by configuration", Options{Spec: configured}, products, Spec{}, 500},
		{"by flag", Options{}, products, flag, 503},
		{"the flag comes first", Options{Spec: configured}, products, flag, 503},
		{"a status alone is no fault", Options{Spec: configured}, products, Spec{ErrorStatus: 418}, 500},
		{"the usual status", Options{Spec: Spec{ErrorPercent: 100}}, products, Spec{}, DefaultErrorStatus},
		{"one route", Options{Spec: configured, Routes: []string{products}}, products, Spec{}, 500},
		{"another route", Options{Spec: configured, Routes: []string{products}}, "/api/v1/orders", Spec{}, 0},
		{"another route, by flag", Options{Spec: configured, Routes: []string{products}}, "/api/v1/orders", flag, 503},
		{"the beginning of a route", Options{Spec: configured, Routes: []string{"/api/v2/x", "/api/v1/pro*"}}, products, Spec{}, 500},
		{"exempt by configuration", Options{Spec: configured, Exempt: []string{"/api/v1/p*"}}, products, flag, 0},
		{"a method", Options{Spec: configured, Routes: []string{"/pocctl.v1.Catalog/*"}}, "/pocctl.v1.Catalog/Get", Spec{}, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, status := newInjector(t, test.options).Decide(test.route, test.spec)
			if status != test.want {
				t.Errorf("status %d, want %d", status, test.want)
			}
		})
	}
}

func TestSomeRoutesNeverHaveFaults(t *testing.T) {
	spec := Spec{ErrorPercent: 100, Latency: time.Minute}
	injector := newInjector(t, Options{Spec: spec})
	for route, exempt := range map[string]bool{
		"/api/v1/products":                             false,
		"/api/v1/products/:id":                         false,
		"/api/v1/administrators":                       false,
		"/pocctl.catalog.v1.CatalogService/GetProduct": false,
		"/api/v1/admin/flags/:key":                     true,
		"/api/v1/Admin/audit":                          true,
		"/api/":                                        true,
		"/healthz":                                     true,
		"/readyz":                                      true,
		"/livez":                                       true,
		"/metrics":                                     true,
		"/version":                                     true,
		"/docs":                                        true,
		"/openapi.json":                                true,
		"/debug/pprof/profile":                         true,
		"/":                                            true,
		"":                                             true,
		"api/v1/products":                              true,
		"/grpc.health.v1.Health/Check":                 true,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": true,
		"/pocctl.admin.v1.Flags/List":                               true,
		"/pocctl.v1.AdminService/ListFlags":                         true,
	} {
		if Exempt(route) != exempt {
			t.Errorf("%q exempt: %t, want %t", route, !exempt, exempt)
		}
		delay, status := injector.Decide(route, spec)
		if injected := delay != 0 || status != 0; injected == exempt {
			t.Errorf("%q waits %s and answers %d; want it exempt: %t", route, delay, status, exempt)
		}
	}
}

func TestWhatCannotBeInjectedIsRefused(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Spec: Spec{ErrorPercent: -1}}, "ErrorPercent must be from 0 to 100, not -1"},
		{Options{Spec: Spec{ErrorPercent: 100.1}}, "ErrorPercent must be from 0 to 100, not 100.1"},
		{Options{Spec: Spec{ErrorPercent: math.NaN()}}, "ErrorPercent must be from 0 to 100, not NaN"},
		{Options{Spec: Spec{Latency: -1}}, "Latency must be from 0 to 1m0s, not -1ns"},
		{Options{Spec: Spec{Latency: 2 * time.Minute}}, "Latency must be from 0 to 1m0s, not 2m0s"},
		{Options{Spec: Spec{LatencyJitter: -1}}, "LatencyJitter must be from 0 to 1m0s, not -1ns"},
		{Options{Spec: Spec{LatencyPercent: -1}}, "LatencyPercent must be from 0 to 100, not -1"},
		{Options{Spec: Spec{LatencyPercent: 101}}, "LatencyPercent must be from 0 to 100, not 101"},
		{Options{Spec: Spec{LatencyPercent: math.NaN()}}, "LatencyPercent must be from 0 to 100, not NaN"},
		{Options{Spec: Spec{ErrorStatus: 200}}, "ErrorStatus must be from 400 to 599, not 200"},
		{Options{Spec: Spec{ErrorStatus: 600}}, "ErrorStatus must be from 400 to 599, not 600"},
		{Options{Routes: []string{products, "/readyz"}}, `route "/readyz" never has any`},
		{Options{Routes: []string{"/api/v1/admin/*"}}, `route "/api/v1/admin/*" never has any`},
	}
	for _, test := range tests {
		if _, err := New(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.want)
		}
	}
	var invalid *Invalid
	if _, err := New(Options{Spec: Spec{ErrorStatus: 1}}); !errors.As(err, &invalid) || invalid.Field != "ErrorStatus" {
		t.Errorf("%v, want an *Invalid of ErrorStatus", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	if err := Wait(t.Context(), time.Millisecond); err != nil {
		t.Errorf("wait: %v", err)
	}
	gone := errors.New("the client has gone")
	ctx, leave := context.WithCancelCause(t.Context())
	leave(gone)
	if err := Wait(ctx, 0); err != nil {
		t.Errorf("no wait at all: %v", err)
	}
	if err := Wait(ctx, time.Hour); !errors.Is(err, gone) {
		t.Errorf("wait for someone who has gone: %v, want the cause", err)
	}
}

func TestLeaks(t *testing.T) {
	injector := newInjector(t, Options{Leak: 1 << 20, Routes: []string{products}})
	for range 10 {
		injector.Decide(products, Spec{})
		injector.Decide("/api/v1/orders", Spec{})
	}
	if got := len(injector.leaked); got != 10 || len(injector.leaked[9]) != 1<<20 || injector.leaked[9][4096] != 1 {
		t.Errorf("%d requests leak, of %d bytes", got, len(injector.leaked[9]))
	}
	for _, bytes := range []int{-1, MaxLeak + 1} {
		var invalid *Invalid
		if _, err := New(Options{Leak: bytes}); !errors.As(err, &invalid) || invalid.Field != "Leak" {
			t.Errorf("a leak of %d bytes: %v", bytes, err)
		}
	}
}

func TestManyMayDecideAtOnce(t *testing.T) {
	seen := &counts{}
	injector := newInjector(t, Options{Seed: 5, Observer: seen})
	const requests, clients = 2000, 8
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range requests {
				injector.Decide(products, Spec{ErrorPercent: 25})
			}
		})
	}
	all.Wait()
	// The numbers drawn are the same in any order.
	if got, want := seen.seen[Error], requests*clients/4; got < want*95/100 || got > want*105/100 {
		t.Errorf("%d failed, want about %d", got, want)
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, spec := range map[string]Spec{"off": {}, "on": {ErrorPercent: 1, Latency: time.Millisecond, LatencyJitter: time.Millisecond}} {
		b.Run(name, func(b *testing.B) {
			injector := newInjector(b, Options{Seed: 1})
			b.ReportAllocs()
			for b.Loop() {
				injector.Decide("/api/v1/products/:id", spec)
			}
		})
	}
}
