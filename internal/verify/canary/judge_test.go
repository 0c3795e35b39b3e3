package canary

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func objectives() Limits { return Limits{ErrorRate: 0.01, LatencyBound: 0.3, LatencyShare: 0.05} }

// seen is a window of which most requests took 5 ms, and some 40 ms, 400 ms or 20 s.
func seen(requests, errors, at40, at400, at20000 int64) Window {
	fast := requests - at40 - at400 - at20000
	return Window{Requests: requests, Errors: errors, Pace: 60, Buckets: []Bucket{
		{0.005, fast / 2}, {0.01, fast}, {0.025, fast}, {0.05, fast + at40}, {0.3, fast + at40}, {0.5, fast + at40 + at400}, {10, fast + at40 + at400},
	}}
}

func growing(window Window, rate float64) Window {
	window.MemoryGrowth = map[string]float64{"slow": rate / 2, "fast": rate}
	return window
}

// after is a window that follows others.
func after(window Window, requests, errors int64) Window {
	window.Before = []Window{seen(requests, errors, 0, 0, 0)}
	return window
}

func TestJudge(t *testing.T) {
	clean := seen(36000, 36, 180, 18, 0)
	none := func(*Limits) {}
	for name, test := range map[string]struct {
		canary, stable Window
		limits         func(*Limits)
		want           Outcome
		deciding       string
		reason         string // part of it
	}{
		"alike":                       {seen(9000, 9, 45, 4, 0), clean, none, Pass, "", "nothing in 9,000 requests speaks against it"},
		"better":                      {seen(9000, 0, 0, 0, 0), clean, none, Pass, "", "0% of 9,000 requests failed"},
		"errors over the objective":   {seen(412, 21, 0, 0, 0), seen(3708, 4, 0, 0, 0), none, Fail, ErrorRate, "5.1% of 412 requests failed, the stable version 0.11% of 3,708; limit 1%"},
		"errors over the stable ones": {seen(9000, 72, 0, 0, 0), seen(36000, 4, 0, 0, 0), none, Fail, ErrorRateAgainstStable, "0.8% of 9,000 requests failed, the stable version 0.01% of 36,000"},
		"significant and of no matter": {
			seen(90000, 360, 0, 0, 0), seen(360000, 40, 0, 0, 0), none, Pass, ErrorRateAgainstStable, "0.4% of 90,000",
		},
		"errors of both":                {seen(9000, 450, 0, 0, 0), seen(36000, 1800, 0, 0, 0), none, Insufficient, ErrorRate, "both miss it"},
		"errors of both, and more":      {seen(9000, 900, 0, 0, 0), seen(36000, 1800, 0, 0, 0), none, Fail, ErrorRate, "10% of 9,000"},
		"every request fails":           {seen(10, 10, 0, 0, 0), clean, none, Fail, ErrorRate, "100% of 10 requests failed"},
		"four that fail":                {seen(4, 4, 0, 0, 0), clean, none, Insufficient, ErrorRate, "100% of 4 requests failed, the stable version 0.1% of 36,000; limit 1%; a verdict takes 100 requests"},
		"one sample":                    {seen(1, 0, 0, 0, 0), clean, none, Insufficient, ErrorRate, "a verdict takes 100"},
		"one sample that failed":        {seen(1, 1, 0, 0, 1), clean, none, Insufficient, ErrorRate, "a verdict takes 100"},
		"two of a hundred":              {seen(100, 2, 0, 0, 0), clean, none, Insufficient, ErrorRate, "2% of 100 requests failed, the stable version 0.1% of 36,000; limit 1%, too close to say"},
		"just enough":                   {seen(100, 0, 0, 0, 0), clean, none, Pass, "", "nothing in 100 requests"},
		"errors of several weights":     {after(seen(100, 5, 0, 0, 0), 150, 7), after(seen(100, 0, 0, 0, 0), 150, 0), none, Fail, ErrorRate, "4.8% of 250 requests failed, the stable version 0% of 250; limit 1%"},
		"at once no more than a start":  {after(seen(9000, 9, 45, 4, 0), 30, 4), after(clean, 270, 0), none, Pass, "", "nothing in 9,000 requests"},
		"a higher minimum":              {seen(999, 0, 0, 0, 0), clean, func(l *Limits) { l.MinimumRequests = 1000 }, Insufficient, ErrorRate, "a verdict takes 1,000 requests"},
		"no requests":                   {Window{}, clean, none, NoData, ErrorRate, "the canary got no requests, the stable version 36,000"},
		"no requests at all":            {Window{}, Window{}, none, NoData, ErrorRate, "the stable version 0"},
		"nothing to compare with":       {seen(9000, 9, 45, 4, 0), Window{}, none, Insufficient, ErrorRateAgainstStable, "to compare takes 100 of the stable version"},
		"fails without a stable one":    {seen(9000, 450, 45, 4, 0), Window{}, none, Fail, ErrorRate, "5% of 9,000 requests failed, the stable version 0% of 0"},
		"p95 over the objective":        {seen(9000, 9, 0, 900, 0), seen(36000, 9, 0, 720, 0), none, Fail, Latency, "10% of 9,000 requests took over 300 ms, the stable version 2% of 36,000; limit 5%"},
		"p95 of both over it":           {seen(9000, 9, 0, 900, 0), seen(36000, 9, 0, 3600, 0), none, Insufficient, Latency, "both miss it"},
		"p95 near the objective":        {seen(900, 0, 0, 48, 0), seen(3600, 0, 0, 190, 0), none, Insufficient, Latency, "too close to say"},
		"p95 over the stable one":       {seen(9000, 9, 900, 0, 0), seen(36000, 36, 720, 0, 0), none, Fail, LatencyAgainstStable, "p95 is "},
		"p99 over the stable one":       {seen(9000, 9, 0, 180, 0), clean, none, Fail, LatencyAgainstStable, "p99 is "},
		"slower than any bucket":        {seen(9000, 9, 0, 0, 180), clean, none, Fail, LatencyAgainstStable, "p99 is 10000 ms of 9,000 requests, the stable version's"},
		"slower by a little":            {withFast(seen(9000, 9, 45, 4, 0), 0), clean, none, Pass, "", ""},
		"slow, yet no oftener than p99": {seen(9000, 9, 0, 60, 0), clean, none, Pass, "", ""},
		"slow, too few to tell":         {seen(300, 0, 0, 7, 0), clean, none, Pass, "", ""},
		"slow, all of a moment":         {seen(9000, 9, 0, 180, 0), clean, func(l *Limits) { l.Pause = time.Minute }, Pass, "", ""},
		"a leak of no limit":            {growing(seen(9000, 9, 45, 4, 0), 1<<20), growing(clean, 1000), none, Pass, "", ""},
		"a leak":                        {growing(seen(9000, 9, 45, 4, 0), 1<<20), growing(clean, 1000), func(l *Limits) { l.MaximumMemoryGrowth = 1 << 19 }, Fail, MemoryGrowth, "memory grows by 1 MiB/s in a pod, the stable version's by 1000 B/s; limit 512 KiB/s"},
		"no leak":                       {growing(seen(9000, 9, 45, 4, 0), 1<<10), growing(clean, 1000), func(l *Limits) { l.MaximumMemoryGrowth = 1 << 19 }, Pass, "", ""},
		"memory not yet seen":           {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.MaximumMemoryGrowth = 1 << 19 }, Insufficient, MemoryGrowth, "nothing in 9,000 requests speaks against it: 0.1% of 9,000 requests failed, the stable version 0.1% of 36,000; limit 1%; no pod of the canary has been watched for long enough"},
		"no buckets":                    {Window{Requests: 9000, Errors: 9}, clean, none, Insufficient, Latency, "no bucket of the canary's latency ends at the objective's 300 ms"},
		"no bucket in common":           {seen(9000, 9, 45, 4, 0), Window{Requests: 9000, Buckets: []Bucket{{0.2, 9000}}}, none, Insufficient, LatencyAgainstStable, "in common"},
		"no bucket at the objective":    {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.LatencyBound = 0.25 }, Insufficient, Latency, "objective's 250 ms"},
		"more errors than requests":     {Window{Requests: 1, Errors: 2}, clean, none, Insufficient, ErrorRate, "2 errors of 1 requests can't be"},
		"negative requests":             {Window{Requests: -1}, clean, none, Insufficient, ErrorRate, "can't be"},
		"a bound that is NaN":           {Window{Requests: 900, Buckets: []Bucket{{math.NaN(), 900}}}, clean, none, Insufficient, ErrorRate, "the canary's figures are wrong"},
		"falling buckets":               {Window{Requests: 900, Buckets: []Bucket{{0.1, 900}, {0.3, 800}}}, clean, none, Insufficient, ErrorRate, "in a bucket"},
		"a bucket of more than all":     {Window{Requests: 900, Buckets: []Bucket{{0.1, 901}}}, clean, none, Insufficient, ErrorRate, "in a bucket"},
		"a pace that is NaN":            {Window{Requests: 900, Pace: math.NaN()}, clean, none, Insufficient, ErrorRate, "NaN requests a second"},
		"memory that is NaN":            {growing(seen(9000, 9, 45, 4, 0), math.NaN()), clean, none, Insufficient, ErrorRate, "isn't a number"},
		"a stable bound that is NaN":    {seen(9000, 9, 45, 4, 0), Window{Requests: 900, Buckets: []Bucket{{math.NaN(), 900}}}, none, Insufficient, ErrorRateAgainstStable, "the stable version's figures are wrong"},
		"stable memory that is NaN":     {growing(seen(9000, 9, 45, 4, 0), 1), growing(clean, math.NaN()), none, Insufficient, ErrorRateAgainstStable, "isn't a number"},
		"fails, stable is NaN":          {seen(9000, 900, 45, 4, 0), growing(clean, math.NaN()), none, Fail, ErrorRate, "10% of 9,000"},
		"limit of errors is NaN":        {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.ErrorRate = math.NaN() }, Insufficient, ErrorRate, "limit of errors, NaN"},
		"limit of latency is NaN":       {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.LatencyBound = math.NaN() }, Insufficient, ErrorRate, "limit of latency, NaN"},
		"limit of slow ones is NaN":     {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.LatencyShare = math.NaN() }, Insufficient, ErrorRate, "limit of slow requests, NaN"},
		"alpha is NaN":                  {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.Alpha = math.NaN() }, Insufficient, ErrorRate, "alpha, NaN"},
		"limit of memory is NaN":        {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { l.MaximumMemoryGrowth = math.NaN() }, Insufficient, ErrorRate, "limit of memory's growth, NaN"},
		"no limits":                     {seen(9000, 9, 45, 4, 0), clean, func(l *Limits) { *l = Limits{} }, Insufficient, ErrorRate, "limit of errors, 0"},
	} {
		t.Run(name, func(t *testing.T) {
			limits := objectives()
			test.limits(&limits)
			got := Judge(test.canary, test.stable, limits)
			if got.Outcome != test.want {
				t.Errorf("got %s, want %s: %s", got.Outcome, test.want, got.Reason)
			}
			if test.deciding != "" && got.Deciding.Name != test.deciding {
				t.Errorf("%s decides, want %s: %s", got.Deciding.Name, test.deciding, got.Reason)
			}
			if !strings.Contains(got.Reason, test.reason) {
				t.Errorf("the reason is %q, want %q in it", got.Reason, test.reason)
			}
			if len(got.Findings) != 5 {
				t.Errorf("got %d findings, want 5", len(got.Findings))
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("the verdict can't be written: %v", err)
			}
		})
	}
}

// withFast moves requests out of the first bucket.
func withFast(window Window, count int64) Window {
	window.Buckets[0].Count = count
	return window
}

func TestJudgeWarnsOfMemoryWithoutALimit(t *testing.T) {
	got := Judge(growing(seen(9000, 9, 45, 4, 0), 1<<20), growing(seen(36000, 36, 180, 18, 0), 1000), objectives())
	memory := got.Findings[4]
	if got.Outcome != Pass || memory.Verdict != Warn || memory.Samples != 2 || memory.Canary != 1<<20 || memory.Stable != 1000 {
		t.Errorf("got %s, and %+v", got.Outcome, memory)
	}
}

func TestJudgeGivesFiguresInTheirUnits(t *testing.T) {
	got := Judge(seen(1000, 50, 0, 100, 0), seen(4000, 4, 0, 0, 0), objectives())
	for i, want := range []Finding{
		{Name: ErrorRate, Canary: 5, Stable: 0.1, Limit: 1, Unit: "%", Samples: 1000, Verdict: Fail},
		{Name: ErrorRateAgainstStable, Canary: 5, Stable: 0.1, Limit: 0.6, Unit: "%", Samples: 1000, Verdict: Fail},
		{Name: Latency, Canary: 10, Stable: 0, Limit: 5, Unit: "%", Samples: 1000, Verdict: Insufficient},
	} {
		finding := got.Findings[i]
		if finding.Name != want.Name || finding.Unit != want.Unit || finding.Samples != want.Samples || finding.Verdict != want.Verdict ||
			math.Abs(finding.Canary-want.Canary) > 1e-9 || math.Abs(finding.Stable-want.Stable) > 1e-9 || math.Abs(finding.Limit-want.Limit) > 1e-9 {
			t.Errorf("got %+v, want %+v", finding, want)
		}
	}
	if latency := got.Findings[3]; latency.Unit != "ms" || latency.Canary < 300 || latency.Stable > 10 || latency.Verdict != Fail {
		t.Errorf("got %+v", latency)
	}
}

func TestGrouped(t *testing.T) {
	for number, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := grouped(number); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFiguresAreBrief(t *testing.T) {
	for want, got := range map[string]string{
		"0%": inPercent(0), "0.07%": inPercent(0.0712), "5.2%": inPercent(5.21), "100%": inPercent(100), "99.9%": inPercent(99.94),
		"0.5 ms": inMilliseconds(0.5), "9.5 ms": inMilliseconds(9.5), "412 ms": inMilliseconds(412.4),
		"0 B": inBytes(-0.001), "-2 KiB": inBytes(-2048), "1.5 MiB": inBytes(1.5 * (1 << 20)),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
