package slo

import "math"

// alpha is how likely a verdict may be wrong when the truth is just at the limit.
const alpha = 0.05

// atMost gives the probability of k or fewer bad ones among n, when each is bad
// with probability p.
func atMost(k, n int64, p float64) float64 {
	if k >= n {
		return 1
	}
	sum := 0.0
	for i := k; i >= 0; i-- { // from the largest term down, where p lies above k/n
		term := math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		sum += term
		if float64(i) < p*float64(n) && term < sum*1e-15 {
			break
		}
	}
	return min(1, sum)
}

func logChoose(n, k int64) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n int64) float64 {
	value, _ := math.Lgamma(float64(n) + 1)
	return value
}

// judge compares the share of bad ones with the limit p by the exact one-sided
// binomial test (Clopper and Pearson, 1934). With no bad one it is the rule of
// three: a limit of 0.1% takes 2995 samples.
func judge(bad, n int64, p float64) Verdict {
	switch {
	case n <= 0:
		return Insufficient
	case atMost(bad, n, p) <= alpha:
		return Met
	case bad > 0 && 1-atMost(bad-1, n, p) <= alpha:
		return Violated
	default:
		return Insufficient
	}
}

// needed estimates how many samples a verdict takes if the share of bad ones
// stays as it is; zero if ten million would not do.
func needed(bad, n int64, p float64) int64 {
	const step, most = 1.1, 10_000_000
	samples := math.Ceil(math.Log(alpha) / math.Log1p(-p)) // enough when none is bad
	if n == 0 {
		return int64(samples)
	}
	share := float64(bad) / float64(n)
	whole := math.Ceil // the side on which a verdict is harder
	if share > p {
		whole = math.Floor
	}
	for ; samples <= most; samples = math.Ceil(samples * step) {
		if judge(int64(whole(share*samples)), int64(samples), p) != Insufficient {
			return int64(samples)
		}
	}
	return 0
}
