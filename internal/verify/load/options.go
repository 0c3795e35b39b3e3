// Package load sends HTTP requests on a fixed schedule and measures the answers.
// The model is open: a request leaves when it is due, whatever became of those
// before it, and its latency counts from that moment. A server that stalls is
// therefore seen as every client would see it.
package load

import (
	"crypto/x509"
	"fmt"
	"math"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/fault"
)

// Options of a run.
type Options struct {
	// URL is where the scenario's paths begin, for example http://127.0.0.1:8080/api/v1.
	URL string
	// Stages are run one after the other; see Plan.
	Stages []Stage
	// Scenario says what is sent; see Products.
	Scenario Scenario
	// Seed fixes the order of operations and the keys they choose.
	Seed uint64
	// Token gives the bearer token that every request carries; nil sends none. It is
	// asked before the run and, while that goes on, beside it.
	Token oauth2.TokenSource
	// Timeout ends a request; 5 s if zero. It is also how late a request may leave
	// before it counts as unsent.
	Timeout time.Duration
	// MaxInFlight bounds the requests under way, and so connections and memory.
	// Zero means as many as are due within Timeout, at most 8192.
	MaxInFlight int
	// MaxLag is how late the 99th percentile of requests may leave before the
	// measurement is void; 100 ms if zero. Latency includes the lag: it can make a
	// verdict worse, never better.
	MaxLag time.Duration
	// roots are whose certificates are trusted; nil is what the machine trusts.
	roots *x509.CertPool
	// way and proxy say how URL is reached; complete fills them in.
	way   dialer
	proxy string
	// Progress, if set, is called about once a second while requests are sent.
	Progress func(Snapshot)
}

// Snapshot is a run under way.
type Snapshot struct {
	Stage     string        // the stage's name
	Elapsed   time.Duration // since the first request was due
	Total     time.Duration // how long the run is
	Sent      int64         // warm-up included
	Unsent    int64
	Failed    int64
	InFlight  int64
	LatencyMS float64 // 95th percentile of the stage so far
}

const (
	defaultTimeout  = 5 * time.Second
	defaultMaxLag   = 100 * time.Millisecond
	mostInFlight    = 8192
	leastInFlight   = 64
	mostRate        = 1_000_000.0
	longestDuration = 7 * 24 * time.Hour
)

// complete fills in the defaults, and refuses what can't be run with a fault.Usage.
func (o Options) complete() (Options, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return o, usage("the load's address %q is no http or https URL", o.URL)
	}
	if len(o.Stages) == 0 {
		return o, usage("the load has no stages")
	}
	peak := 0.0
	for _, stage := range o.Stages {
		if !(stage.Rate > 0 && stage.Rate <= mostRate) { // also refuses NaN
			return o, usage("a rate of %v requests a second: it has to be above 0 and at most %.0f", stage.Rate, mostRate)
		}
		if stage.Duration <= 0 || stage.Duration > longestDuration {
			return o, usage("a duration of %s: it has to be above 0 and at most %s", stage.Duration, longestDuration)
		}
		if !(stage.From >= 0 && stage.From <= mostRate) {
			return o, usage("a rate of %v requests a second to begin with: it has to be from 0 to %.0f", stage.From, mostRate)
		}
		peak = max(peak, stage.Rate, stage.From)
	}
	if err := o.Scenario.validate(); err != nil {
		return o, usage("the load's scenario: %v", err)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.way, o.proxy, err = way(base, o.Timeout); err != nil {
		return o, usage("%v", err)
	}
	if o.MaxLag <= 0 {
		o.MaxLag = defaultMaxLag
	}
	if o.MaxInFlight <= 0 {
		due := math.Ceil(peak * o.Timeout.Seconds())
		o.MaxInFlight = int(min(mostInFlight, max(leastInFlight, due)))
	}
	return o, nil
}

func usage(format string, args ...any) error {
	return fault.New(fault.Usage, "detail", fmt.Sprintf(format, args...), "command", "pocctl verify")
}

// Check refuses options that can't be run with a fault.Usage; Run does so, too.
func Check(options Options) error {
	_, err := options.complete()
	return err
}
