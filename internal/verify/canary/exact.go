package canary

import (
	"math"
	"slices"
)

// negligible is the share of a sum below which further terms are left out.
const negligible = 1e-15

// atLeast gives the probability of k or more bad ones among n, when each is bad
// with probability p: the exact one-sided binomial test (Clopper and Pearson,
// 1934). It is 1 where the share of bad ones isn't above p.
func atLeast(k, n int64, p float64) float64 {
	if n <= 0 || float64(k) <= p*float64(n) {
		return 1
	}
	term := math.Exp(logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	sum := term
	for i := k; i < n && term > sum*negligible; i++ {
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
		sum += term
	}
	return min(1, sum)
}

// split is how many of a version's requests were bad.
type split struct{ bad, all int64 }

func (s split) share() float64 {
	if s.all <= 0 {
		return 0
	}
	return float64(s.bad) / float64(s.all)
}

// stratum is what was seen of both versions at the same time.
type stratum struct{ canary, stable split }

// greater gives the probability that the canary has as many of the bad ones of both as
// it has, or more, when both are bad equally often: Fisher's exact test, one-sided
// (1922), and over several strata the exact test of their sum (Gart: Point and Interval
// Estimation of the Common Odds Ratio, 1970). It is 1 where the canary doesn't have more
// than its share.
func greater(strata ...stratum) float64 {
	seen, expected := int64(0), 0.0
	sum := distribution{chances: []float64{1}}
	for _, s := range strata {
		if s.canary.all <= 0 || s.stable.all <= 0 {
			continue
		}
		seen += s.canary.bad
		expected += float64(s.canary.bad+s.stable.bad) * float64(s.canary.all) / float64(s.canary.all+s.stable.all)
		sum = sum.plus(s.chances())
	}
	if float64(seen) <= expected+negligible {
		return 1
	}
	return sum.atLeast(seen)
}

// distribution is of a number: from, from+1, and so on.
type distribution struct {
	from    int64
	chances []float64
}

// chances are those of how many of the bad ones the canary has: hypergeometric.
func (s stratum) chances() distribution {
	bad, all := s.canary.bad+s.stable.bad, s.canary.all+s.stable.all
	return around(max(0, bad-s.stable.all), min(bad, s.canary.all), int64(float64(bad+1)*float64(s.canary.all+1)/float64(all+2)),
		func(k int64) float64 {
			return logChoose(bad, k) + logChoose(all-bad, s.canary.all-k) - logChoose(all, s.canary.all)
		})
}

// binomial is of how many of n are bad, when each is with probability p.
func binomial(n int64, p float64) distribution {
	if p >= 1 {
		return distribution{from: n, chances: []float64{1}}
	}
	return around(0, n, int64(float64(n+1)*p), func(k int64) float64 {
		return logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p)
	})
}

// around takes the chances of the numbers from least to most, given by their logarithm,
// from the likeliest on and while they are not negligible.
func around(least, most, mode int64, logarithm func(int64) float64) distribution {
	mode = min(most, max(least, mode))
	peak := math.Exp(logarithm(mode))
	var below []float64
	for k := mode - 1; k >= least; k-- {
		chance := math.Exp(logarithm(k))
		if chance < peak*negligible {
			break
		}
		below = append(below, chance)
	}
	slices.Reverse(below)
	d := distribution{from: mode - int64(len(below)), chances: append(below, peak)}
	for k := mode + 1; k <= most; k++ {
		chance := math.Exp(logarithm(k))
		if chance < peak*negligible {
			break
		}
		d.chances = append(d.chances, chance)
	}
	return d
}

// plus is the distribution of the sum of two independent numbers.
func (d distribution) plus(other distribution) distribution {
	sum := distribution{from: d.from + other.from, chances: make([]float64, len(d.chances)+len(other.chances)-1)}
	for i, mine := range d.chances {
		for k, theirs := range other.chances {
			sum.chances[i+k] += mine * theirs
		}
	}
	return sum
}

func (d distribution) atLeast(k int64) float64 {
	sum := 0.0
	for i := max(0, k-d.from); i < int64(len(d.chances)); i++ {
		sum += d.chances[i]
	}
	return min(1, sum)
}

// thinned takes a split as if of every few requests only one said anything, since
// those share their fate.
func (s split) thinned(few float64) split {
	all := int64(float64(s.all) / few)
	return split{bad: min(int64(math.Round(float64(s.bad)/few)), all), all: all}
}

func logChoose(n, k int64) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int64) float64 {
	value, _ := math.Lgamma(float64(n) + 1)
	return value
}
