package canary

import (
	"math"
	"testing"
)

func TestAtLeastGivesTheBinomialTail(t *testing.T) {
	for name, test := range map[string]struct {
		k, n int64
		p    float64
		want float64
	}{
		"all of three":            {3, 3, 0.01, 1e-6},
		"one or more of two":      {1, 2, 0.25, 1 - 0.75*0.75},
		"two or more of three":    {2, 3, 0.5, 0.5},
		"nine or more of ten":     {9, 10, 0.5, 11.0 / 1024},
		"none of a hundred":       {0, 100, 0.01, 1},
		"just at the limit":       {1, 100, 0.01, 1},
		"nothing was seen":        {0, 0, 0.01, 1},
		"all of a hundred slow":   {100, 100, 0.05, math.Pow(0.05, 100)},
		"far from it, a million":  {1000000, 1000000, 0.5, 0},
		"more than half of three": {3, 3, 0.5, 0.125},
	} {
		if got := atLeast(test.k, test.n, test.p); math.Abs(got-test.want) > 1e-9*test.want+1e-100 {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestGreaterGivesFishersTail(t *testing.T) {
	for name, test := range map[string]struct {
		canary, stable split
		want           float64
	}{
		// Fisher's tea: 4 of 4 cups, and 3 of 4.
		"all four cups":        {split{4, 4}, split{0, 4}, 1.0 / 70},
		"three of four cups":   {split{3, 4}, split{1, 4}, 17.0 / 70},
		"the same":             {split{2, 4}, split{2, 4}, 1},
		"fewer":                {split{0, 100}, split{5, 100}, 1},
		"nothing of either":    {split{}, split{}, 1},
		"nothing of stable":    {split{5, 10}, split{}, 1},
		"all of the canary":    {split{1000, 1000}, split{0, 4000}, 0},
		"one of one, of three": {split{1, 1}, split{0, 2}, 1.0 / 3},
	} {
		if got := greater(stratum{test.canary, test.stable}); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestThinnedCountsSeveralAsOne(t *testing.T) {
	for name, test := range map[string]struct {
		split split
		few   float64
		want  split
	}{
		"rounded down": {split{11, 100}, 8, split{1, 12}},
		"rounded up":   {split{12, 100}, 8, split{2, 12}},
		"all bad":      {split{7, 7}, 8, split{0, 0}},
		"each counts":  {split{7, 9}, 1, split{7, 9}},
	} {
		if got := test.split.thinned(test.few); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// TestGreaterSumsStrata compares with every outcome counted one by one.
func TestGreaterSumsStrata(t *testing.T) {
	strata := []stratum{
		{split{3, 5}, split{1, 20}}, {split{2, 10}, split{1, 10}}, {split{6, 15}, split{2, 5}}, {split{0, 0}, split{3, 9}},
	}
	choose := func(n, k int64) float64 {
		if k < 0 || k > n {
			return 0
		}
		return math.Exp(logChoose(n, k))
	}
	var count func(rest []stratum, sum int64, chance float64) float64
	count = func(rest []stratum, sum int64, chance float64) float64 {
		if len(rest) == 0 {
			if sum >= 11 {
				return chance
			}
			return 0
		}
		s, total := rest[0], 0.0
		bad, all := s.canary.bad+s.stable.bad, s.canary.all+s.stable.all
		for k := range bad + 1 {
			total += count(rest[1:], sum+k, chance*choose(bad, k)*choose(all-bad, s.canary.all-k)/choose(all, s.canary.all))
		}
		return total
	}
	want := count(strata[:3], 0, 1)
	if got := greater(strata...); math.Abs(got-want) > 1e-9 || want < 0.001 || want > 0.1 {
		t.Errorf("got %v, want %v", got, want)
	}
	// Each stratum alone is alike, and so is their sum, though the sums are not.
	alike := []stratum{{split{50, 100}, split{500, 1000}}, {split{1, 1000}, split{0, 100}}}
	if got := greater(alike...); got < 0.3 {
		t.Errorf("alike at any time: %v", got)
	}
}

func TestGreaterOfManyEndsSoon(t *testing.T) {
	strata := make([]stratum, 10)
	for i := range strata {
		strata[i] = stratum{split{50_300, 100_000}, split{500_000, 1_000_000}}
	}
	if got := greater(strata...); got > 1e-6 || got < 1e-14 {
		t.Errorf("0.3%% more of a million: %v", got)
	}
}
