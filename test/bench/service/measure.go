//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/pocctl/pocctl/internal/verify/load"
)

func atMost(name string, value, goal float64, unit string) Figure {
	return Figure{Name: name, Value: value, Goal: goal, Unit: unit, Met: value <= goal}
}

func atLeast(name string, value, goal float64, unit string) Figure {
	return Figure{Name: name + ", at least", Value: value, Goal: goal, Unit: unit, Met: value >= goal}
}

// shown is a figure without a goal of its own.
func shown(name string, value float64, unit string) Figure {
	return Figure{Name: name, Value: value, Goal: value, Unit: unit, Met: true}
}

// measureStart measures from the start of the process to its first "ready".
func measureStart(ctx context.Context, b *backing, o options) ([]Figure, error) {
	const times = 5
	best := time.Hour
	for range times {
		began := time.Now()
		s, err := b.serve(ctx, o, 0)
		if err != nil {
			return nil, err
		}
		best = min(best, time.Since(began))
		if err := s.stop(); err != nil {
			return nil, err
		}
	}
	return []Figure{atMost("service: ready after its start, best of 5", best.Seconds(), 1, "s")}, nil
}

// measureMix holds 300 and then 600 requests a second of the realistic mix.
func measureMix(ctx context.Context, b *backing, o options) ([]Figure, error) {
	var figures []Figure
	for _, kind := range []string{"net/http", "gin", "service"} {
		s, err := b.kind(ctx, o, kind, 0)
		if err != nil {
			return nil, err
		}
		for _, rate := range []float64{300, 600} {
			found, err := b.hold(ctx, s, rate, o.duration)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s at %.0f/s: %w", kind, rate, err), s.stop())
			}
			figures = append(figures, found...)
		}
		megabytes, err := s.anonymous()
		if err != nil {
			return nil, err
		}
		if kind == "service" {
			figures = append(figures, atMost("service: anonymous memory after it", megabytes, 60, "MB"))
		} else {
			figures = append(figures, shown(kind+": anonymous memory after it", megabytes, "MB"))
		}
		if err := b.end(s, kind); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

func (b *backing) hold(ctx context.Context, s *server, rate float64, duration time.Duration) ([]Figure, error) {
	before, err := s.processor()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	result, err := load.Run(ctx, load.Options{
		URL: s.url + "/api/v1", Scenario: load.Products(), Seed: 1, Token: b.issuer,
		Stages: load.Plan{Rate: rate, Duration: duration, Warmup: 5 * time.Second}.Stages(),
	})
	if err != nil {
		return nil, err
	}
	after, err := s.processor()
	if err != nil {
		return nil, err
	}
	if err := result.Held(); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s, mix at %.0f/s", s.name, rate)
	latency := result.Total.Latency
	figures := []Figure{
		shown(name+": p50", latency.P50, "ms"),
		shown(name+": p95", latency.P95, "ms"),
		shown(name+": p99", latency.P99, "ms"),
		atMost(name+": errors of "+fmt.Sprint(result.Total.Sent), float64(result.Total.Failed), 0, ""),
		shown(name+": processor", 100*(after-before).Seconds()/time.Since(began).Seconds(), "% of a core"),
	}
	if rate == 600 && s.name == "pocctl serve" {
		figures[2] = atMost(name+": p99", latency.P99, 25, "ms")
	}
	if result.Total.Failed > 0 {
		fmt.Fprintf(os.Stderr, "%s: %v, for example %s\n", name, result.Total.Errors, result.Total.Example)
	}
	return figures, nil
}

// measureSearch sends searches alone.
func measureSearch(ctx context.Context, b *backing, o options) ([]Figure, error) {
	s, err := b.serve(ctx, o, 0)
	if err != nil {
		return nil, err
	}
	// Words of the products that there are: rare and common ones, beginnings, pairs.
	result, err := load.Run(ctx, load.Options{
		URL: s.url + "/api/v1", Seed: 1,
		Scenario: load.Scenario{
			Operations: []load.Operation{{Name: "search", Weight: 1, Method: http.MethodGet, Path: "/products/search?q={term}&limit=20"}},
			Variables: []load.Variable{{Name: "term", Values: []string{
				"lantern", "oak", "ceramic notebook", "SAMPLE-0001", "ma", "polished copper kettle", "b", "made", "walnut shelf", "sample number 77",
			}}},
		},
		Stages: load.Plan{Rate: 100, Duration: 20 * time.Second, Warmup: 3 * time.Second}.Stages(),
	})
	if err := errors.Join(err, s.stop()); err != nil {
		return nil, err
	}
	return []Figure{
		atMost(fmt.Sprintf("service: search over %d products: p95", o.products), result.Total.Latency.P95, 20, "ms"),
		shown("service: search: p99", result.Total.Latency.P99, "ms"),
		atMost("service: search: errors", float64(result.Total.Failed), 0, ""),
	}, result.Held()
}

// measureCached asks for one product as fast as one core can answer.
func measureCached(ctx context.Context, b *backing, o options) ([]Figure, error) {
	const path = "/api/v1/products/019b76da-a800-7bfa-b17b-5d25d0769c66"
	perSecond := map[string]float64{}
	var figures []Figure
	for _, kind := range []string{"net/http", "gin", "service"} {
		s, err := b.kind(ctx, o, kind, 1)
		if err != nil {
			return nil, err
		}
		// The best of three: with both cores in use, whatever else runs shows.
		for range 3 {
			rate, err := saturate(ctx, s.url+path)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", kind, err), s.stop())
			}
			perSecond[kind] = max(perSecond[kind], rate)
		}
		if err := b.end(s, kind); err != nil {
			return nil, err
		}
		figures = append(figures, shown(kind+": cached reads on one core", perSecond[kind], "/s"))
	}
	return append(figures, atLeast("service: cached reads, against a bare gin", perSecond["service"]/perSecond["gin"], 0.5, "")), nil
}

func (b *backing) kind(ctx context.Context, o options, kind string, cores int) (*server, error) {
	if kind == "service" {
		return b.serve(ctx, o, cores)
	}
	return startBaseline(ctx, kind, cores)
}

// end stops the server; one that does nothing has no way to stop but to be killed.
func (b *backing) end(s *server, kind string) error {
	if kind == "service" {
		return s.stop()
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // as it was killed
	return nil
}

// saturate keeps requests under way on every connection for a while, from the
// other core, and gives the answers a second.
func saturate(ctx context.Context, url string) (float64, error) {
	const connections, warmup, measured = 32, time.Second, 4 * time.Second
	runtime.LockOSThread()
	if err := onCore(os.Getpid(), 1); err != nil {
		return 0, err
	}
	defer func() { _ = onEveryCore(os.Getpid()) }()
	client := &fasthttp.Client{MaxConnsPerHost: connections}
	ctx, cancel := context.WithTimeout(ctx, warmup+measured)
	defer cancel()
	var answers atomic.Int64
	var failed error
	var once sync.Once
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			request.SetRequestURI(url)
			for ctx.Err() == nil {
				err := client.Do(request, response)
				if err == nil && response.StatusCode() != http.StatusOK {
					err = fmt.Errorf("status %d: %s", response.StatusCode(), response.Body())
				}
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				answers.Add(1)
			}
		})
	}
	select {
	case <-time.After(warmup):
	case <-ctx.Done():
	}
	before, began := answers.Load(), time.Now()
	<-ctx.Done()
	counted, took := answers.Load()-before, time.Since(began)
	all.Wait()
	client.CloseIdleConnections()
	return float64(counted) / took.Seconds(), failed
}
