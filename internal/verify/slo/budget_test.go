package slo

import (
	"math"
	"testing"
)

func TestBudget(t *testing.T) {
	for name, test := range map[string]struct {
		bad, samples int64
		allowed      float64
		want         Budget
	}{
		"nothing bad":            {0, 2995, 0.001, Budget{Left: 1, LastsAtLeastDays: 30.005}}, // the rule of three: just shown
		"nothing bad of few":     {0, 100, 0.001, Budget{Left: 1, LastsAtLeastDays: 1.016}},
		"half of it":             {5, 10_000, 0.001, Budget{Left: 0.5, Burn: 0.5, LastsDays: 60, LastsAtLeastDays: 28.54}},
		"all of it":              {10, 10_000, 0.001, Budget{Left: 0, Burn: 1, LastsDays: 30, LastsAtLeastDays: 17.688}},
		"ten times too much":     {100, 10_000, 0.001, Budget{Left: -9, Burn: 10, LastsDays: 3, LastsAtLeastDays: 2.536}},
		"everything":             {10, 10, 0.001, Budget{Left: -999, Burn: 1000, LastsDays: 0.03, LastsAtLeastDays: 0.03}},
		"a page's burn rate":     {144, 10_000, 0.001, Budget{Left: -13.4, Burn: 14.4, LastsDays: 2.083, LastsAtLeastDays: 1.816}},
		"slow ones of a latency": {20, 1000, 0.05, Budget{Left: 0.6, Burn: 0.4, LastsDays: 75, LastsAtLeastDays: 51.9}},
	} {
		t.Run(name, func(t *testing.T) {
			got := budget(test.bad, test.samples, test.allowed)
			test.want.Allowed = test.allowed
			for _, pair := range [][2]float64{
				{got.Allowed, test.want.Allowed}, {got.Left, test.want.Left}, {got.Burn, test.want.Burn},
				{got.LastsDays, test.want.LastsDays}, {got.LastsAtLeastDays, test.want.LastsAtLeastDays},
			} {
				if math.Abs(pair[0]-pair[1]) > 0.005*math.Abs(pair[1])+0.001 {
					t.Errorf("got %+v, want %+v", *got, test.want)
					break
				}
			}
		})
	}
	if got := budget(0, 0, 0.001); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

// A verdict and its confidence are the same statement.
func TestConfidenceAgreesWithVerdicts(t *testing.T) {
	for _, n := range []int64{1, 50, 299, 2995, 9000} {
		for _, limit := range []float64{0.001, 0.01, 0.05, 0.15} {
			for bad := int64(0); bad <= min(n, 200); bad++ {
				sure, verdict := confidence(bad, n, limit), judge(bad, n, limit)
				if math.Abs(sure-1+alpha) < 1e-9 {
					continue // as near as numbers are
				}
				if (sure >= 1-alpha) != (verdict != Insufficient) || sure < 0 || sure > 1 {
					t.Fatalf("%d of %d, limit %v: %v with a confidence of %v", bad, n, limit, verdict, sure)
				}
				if met := highest(bad, n) <= limit; met != (verdict == Met) && math.Abs(highest(bad, n)-limit) > 1e-9 {
					t.Fatalf("%d of %d, limit %v: %v, and at most %v", bad, n, limit, verdict, highest(bad, n))
				}
			}
		}
	}
}
