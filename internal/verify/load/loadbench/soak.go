//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/verify/load"
)

const (
	soakRate = 1000.0
	// goalGrowth is what the generator's memory may grow by after the first minute, in MB.
	goalGrowth = 5.0
)

// soaked is a long run, and what memory it held.
type soaked struct {
	Seconds float64 `json:"seconds"`
	Sent    int64   `json:"sent"`
	// Early and Late are the means of resident memory over the second tenth of the run,
	// and over the last.
	Early    float64 `json:"earlyMB"`
	Late     float64 `json:"lateMB"`
	GrowthMB float64 `json:"growthMB"`
	OK       bool    `json:"ok"`
}

// soak holds a rate for long: what is kept for each request would show.
func soak(ctx context.Context, url string, duration time.Duration) (soaked, error) {
	var mu sync.Mutex
	var early, late []float64
	result, err := load.Run(ctx, load.Options{
		URL: url, Stages: load.Plan{Rate: soakRate, Duration: duration, Warmup: time.Second}.Stages(),
		Scenario: load.Scenario{Operations: []load.Operation{{Name: "get", Weight: 1, Method: http.MethodGet, Path: "/", Cached: true}}},
		Progress: func(now load.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			switch tenth := int(10 * now.Elapsed / now.Total); tenth {
			case 1:
				early = append(early, resident())
			case 9:
				late = append(late, resident())
			}
		},
	})
	if err == nil && result.Interrupted {
		err = ctx.Err()
	}
	if err != nil {
		return soaked{}, err
	}
	made := soaked{Seconds: duration.Seconds(), Sent: result.Total.Sent, Early: mean(early), Late: mean(late)}
	made.GrowthMB = math.Round(100*(made.Late-made.Early)) / 100
	made.OK = made.Early > 0 && made.GrowthMB <= goalGrowth && result.Total.Unsent+result.Total.Failed == 0
	return made, nil
}

func mean(of []float64) float64 {
	sum := 0.0
	for _, one := range of {
		sum += one
	}
	return math.Round(100*sum/max(1, float64(len(of)))) / 100
}

// resident is the process's memory now, in MB; 0 if it can't be read.
func resident() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				return 0
			}
			return kilobytes * 1.024 / 1000
		}
	}
	return 0
}

// soakAlone prints what soak finds.
func soakAlone(ctx context.Context, duration time.Duration) (bool, error) {
	child, url, err := start(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	found, err := soak(ctx, url, duration)
	if err != nil {
		return false, fmt.Errorf("soak: %w", err)
	}
	return found.OK, show(map[string]any{"schema": "pocctl.loadbench/v1", "soak": found})
}
