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
		if got := greater(test.canary, test.stable); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestThinnedCountsSeveralAsOne(t *testing.T) {
	for name, test := range map[string]struct {
		split split
		few   int64
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
