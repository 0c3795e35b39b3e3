//go:build linux

// Command vegeta sends load with vegeta's library, as loadbench asks it to, and prints
// what it measured: the load generator that pocctl's own is compared with. It is a module
// of its own, since nothing of it is a part of the product.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sys/unix"
)

// measured has the fields of loadbench's own runs.
type measured struct {
	Due       int64   `json:"due"`
	Sent      int64   `json:"sent"`
	Failed    int64   `json:"failed"`
	P50       float64 `json:"p50Milliseconds"` // from when it left
	P99       float64 `json:"p99Milliseconds"`
	LagP99    float64 `json:"lagP99Milliseconds"` // how late it left
	CPUMicros float64 `json:"cpuMicrosecondsPerRequest"`
}

func main() {
	url := flag.String("url", "", "where to send requests to")
	rate := flag.Int("rate", 1000, "requests a second")
	duration := flag.Duration("duration", 3*time.Second, "for how long")
	flag.Parse()
	runtime.GOMAXPROCS(1) // as loadbench; the core is inherited
	attack(*url, *rate, time.Second, false)
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(attack(*url, *rate, *duration, true)); err != nil {
		fmt.Fprintln(os.Stderr, "vegeta:", err)
		os.Exit(1)
	}
}

// attack sends at a constant rate. A warm-up's result is for nothing.
func attack(url string, rate int, duration time.Duration, counts bool) measured {
	const timeout = 5 * time.Second
	attacker := vegeta.NewAttacker(vegeta.Timeout(timeout), vegeta.KeepAlive(true), vegeta.HTTP2(false))
	targeter := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: url})
	made := measured{Due: int64(math.Round(float64(rate) * duration.Seconds()))}
	service, lag := make([]time.Duration, 0, made.Due), make([]time.Duration, 0, made.Due)
	before, begin := processorTime(), time.Now() // nothing is due before it
	for result := range attacker.Attack(targeter, vegeta.Rate{Freq: rate, Per: time.Second}, duration, "") {
		due := begin.Add(time.Duration(float64(result.Seq) / float64(rate) * float64(time.Second)))
		service, lag = append(service, result.Latency), append(lag, result.Timestamp.Sub(due))
		if made.Sent++; result.Code != 200 {
			made.Failed++
		}
	}
	if !counts || made.Sent == 0 {
		return made
	}
	made.CPUMicros = float64((processorTime() - before).Microseconds()) / float64(made.Sent)
	made.P50, made.P99, made.LagP99 = quantile(service, 0.5), quantile(service, 0.99), quantile(lag, 0.99)
	return made
}

func quantile(times []time.Duration, share float64) float64 {
	slices.Sort(times)
	at := int(math.Ceil(share*float64(len(times)))) - 1
	return float64(times[max(0, at)].Microseconds()) / 1000
}

func processorTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
