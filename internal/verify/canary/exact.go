package canary

import "math"

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

// greater gives the probability that the canary has as many of the bad ones of
// both as it has, or more, when both are bad equally often: Fisher's exact test,
// one-sided (1922). It is 1 where the canary's share isn't the greater one.
func greater(canary, stable split) float64 {
	if canary.all <= 0 || stable.all <= 0 || canary.share() <= stable.share() {
		return 1
	}
	bad, good := canary.bad+stable.bad, canary.all+stable.all-canary.bad-stable.bad
	term := math.Exp(logChoose(bad, canary.bad) + logChoose(good, canary.all-canary.bad) - logChoose(bad+good, canary.all))
	sum := term
	for i := canary.bad; i < min(bad, canary.all) && term > sum*negligible; i++ {
		term *= float64(bad-i) / float64(i+1) * float64(canary.all-i) / float64(good-canary.all+i+1)
		sum += term
	}
	return min(1, sum)
}

// thinned takes a split as if of every few requests only one said anything, since
// those share their fate.
func (s split) thinned(few int64) split {
	return split{bad: min((s.bad+few/2)/few, s.all/few), all: s.all / few}
}

func logChoose(n, k int64) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int64) float64 {
	value, _ := math.Lgamma(float64(n) + 1)
	return value
}
