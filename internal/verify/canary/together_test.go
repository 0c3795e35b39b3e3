package canary

import (
	"math"
	"testing"
	"time"
)

func TestHowManyAMisfortuneMakes(t *testing.T) {
	many := func(part split, times int) []split {
		parts := make([]split, times)
		for i := range parts {
			parts[i] = part
		}
		return parts
	}
	for name, test := range map[string]struct {
		parts               []split
		effect, least, most float64
	}{
		"none are bad":            {many(split{0, 50}, 20), 1, 1, 1},
		"all are bad":             {many(split{50, 50}, 20), 1, 10, 50},
		"no parts":                {nil, 1, 1, 1},
		"evenly":                  {many(split{1, 50}, 20), 0, 0.1, 1},
		"all at once":             {append(many(split{0, 50}, 19), split{10, 50}), 10, 9, 10},
		"twice, five each":        {append(many(split{0, 50}, 18), split{5, 50}, split{5, 50}), 4.8, 4.5, 5},
		"each of its own":         {append(many(split{0, 50}, 10), many(split{1, 50}, 10)...), 0.5, 0.5, 1},
		"a busy part has more":    {[]split{{0, 10}, {0, 10}, {9, 900}}, 0.01, 0.01, 9},
		"a part of no requests":   {append(many(split{0, 50}, 19), split{0, 0}, split{10, 50}), 10, 9, 10},
		"everywhere, and at once": {append(many(split{2, 50}, 19), split{20, 50}), 5.9, 0.1, 3},
	} {
		if got := designEffect(test.parts); math.Abs(got-test.effect) > 0.15*math.Max(1, test.effect) {
			t.Errorf("%s: a design effect of %.2f, want %.2f", name, got, test.effect)
		}
		if got := atOnce(test.parts); got < test.least-1e-6 || got > test.most+1e-6 || math.IsNaN(got) {
			t.Errorf("%s: %.2f at once, want %v to %v", name, got, test.least, test.most)
		}
	}
}

func TestRecordHasPartsByScrape(t *testing.T) {
	reading := func(second int, a, b int64) Counters {
		return Counters{"a": at(second, a, 0, a, 0), "b": at(second, b, 0, b, 0)}
	}
	var record Record
	if got := record.Window(); got.Requests != 0 || len(got.Parts) != 0 {
		t.Errorf("nothing was read: %+v", got)
	}
	for _, now := range []Counters{
		reading(0, 100, 10), reading(1, 110, 10), reading(1, 110, 10), // the same scrape again
		reading(2, 130, 15),
		{"a": at(3, 131, 0, 131, 0)},                             // b is gone
		{"a": at(4, 7, 0, 7, 0), "c": at(4, 3, 0, 3, 0)},         // a began anew, and c is new
		{"a": at(5, 7, 0, 7, 0), "c": at(4, 3, 0, 3, 0)},         // nothing more
		{"a": at(6, 8, 0, 2, 0), "c": Pod{Sampled: time.Time{}}}, // as if a bucket fell
	} {
		record.Add(now)
	}
	got := record.Window()
	var requests []int64
	for _, part := range got.Parts {
		requests = append(requests, part.Requests)
	}
	want := map[int64]int{10: 1, 20: 1, 5: 1, 1: 1, 7: 1, 3: 1, 8: 1}
	for _, many := range requests {
		want[many]--
	}
	for many, left := range want {
		if left != 0 {
			t.Errorf("parts of %d: %d too few, in %v", many, left, requests)
		}
	}
	if got.Requests != 8 {
		t.Errorf("%d requests, want those of a, which began anew", got.Requests)
	}
}

// TestWeightsAreComparedEachForItself has a machine that was slow at one weight, where the
// canary had few of the requests or most.
func TestWeightsAreComparedEachForItself(t *testing.T) {
	weighed := func(slowFirst bool) Verdict {
		canary, stable := seen(5000, 0, 0, 0, 0), seen(500, 0, 0, 0, 0)
		if slowFirst {
			canary, stable = seen(5000, 0, 0, 2500, 0), seen(500, 0, 0, 250, 0)
		}
		canary.Before, stable.Before = []Window{seen(500, 0, 0, 0, 0)}, []Window{seen(5000, 0, 0, 0, 0)}
		return Judge(canary, stable, objectives())
	}
	if got := weighed(false); got.Outcome != Pass {
		t.Errorf("quiet: %s: %s", got.Outcome, got.Reason)
	}
	got := weighed(true)
	for _, finding := range got.Findings {
		if finding.Name == LatencyAgainstStable && finding.Verdict == Fail {
			t.Errorf("a slow machine is the canary's fault: %s", finding.Reason)
		}
	}
}
