//go:build linux

// Command service measures the backend of `pocctl serve` on a real Postgres and a
// real Redis, and beside it what the same load costs on servers that do nothing: a
// plain net/http and a bare gin. It prints one JSON document of figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Figure is one measured number. Goal and Unit are as test/bench has them.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Goal  float64 `json:"goal"`
	Unit  string  `json:"unit"`
	Met   bool    `json:"met"`
}

func main() {
	baseline := flag.String("baseline", "", "be a server that does nothing: net/http or gin")
	address := flag.String("address", "", "where that listens")
	binary := flag.String("binary", "bin/pocctl", "the pocctl to measure")
	products := flag.Int("products", 100_000, "how many products there are")
	duration := flag.Duration("duration", time.Minute, "how long each rate of the mix is held")
	only := flag.String("only", "", "one part alone: start, mix, cached or search")
	flag.Parse()
	if *baseline != "" {
		fail(serveBaseline(*baseline, *address))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	figures, err := measure(ctx, options{binary: *binary, products: *products, duration: *duration, only: *only})
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(figures)
	}
	fail(err)
}

func fail(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "service bench:", err)
		os.Exit(1)
	}
}

type options struct {
	binary   string
	products int
	duration time.Duration
	only     string
}

func (o options) wants(part string) bool { return o.only == "" || o.only == part }

// measure brings up what the service needs, and measures one part after another.
func measure(ctx context.Context, o options) (figures []Figure, err error) {
	stores, err := startBacking(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stores.stop()) }()
	if err := stores.fill(ctx, o); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context, *backing, options) ([]Figure, error)
	}{{"start", measureStart}, {"search", measureSearch}, {"cached", measureCached}, {"mix", measureMix}} {
		if !o.wants(part.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", part.name)
		found, err := part.run(ctx, stores, o)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", part.name, err)
		}
		figures = append(figures, found...)
	}
	return figures, nil
}
