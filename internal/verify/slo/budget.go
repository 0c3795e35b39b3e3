package slo

import "math"

// budgetDays is how long an error budget is for.
const budgetDays = 30

// Budget is what an objective lets go wrong, and what a measurement spent of it. A
// budget is for 30 days: at a burn rate of 1 it lasts just as long. The arithmetic is
// that of Google's SRE workbook, chapter 5.
type Budget struct {
	// Allowed is the share of the samples that may be bad.
	Allowed float64 `json:"allowed"`
	// Left is the share of the run's own budget that is left: 1 with nothing bad, below
	// 0 if more was bad than is allowed.
	Left float64 `json:"left"`
	// Burn is the share that was bad over the share that may be.
	Burn float64 `json:"burn"`
	// LastsDays is how long the budget of 30 days would last at that rate; 0 if nothing
	// was bad, and it would last for ever.
	LastsDays float64 `json:"lastsDays"`
	// LastsAtLeastDays is what the samples show of that with 95% confidence: few samples
	// show little, even if none was bad.
	LastsAtLeastDays float64 `json:"lastsAtLeastDays"`
}

func budget(bad, samples int64, allowed float64) *Budget {
	if samples == 0 {
		return nil
	}
	burn := float64(bad) / float64(samples) / allowed
	made := &Budget{Allowed: math.Round(allowed*1e9) / 1e9, Burn: round(burn), Left: round(1 - burn)}
	if bad > 0 {
		made.LastsDays = round(budgetDays / burn)
	}
	made.LastsAtLeastDays = round(budgetDays * allowed / highest(bad, samples))
	return made
}

// highest is the largest share that the samples leave possible, with 95% confidence:
// the upper bound of Clopper and Pearson.
func highest(bad, n int64) float64 {
	if bad >= n {
		return 1
	}
	low, high := float64(bad)/float64(n), 1.0
	for range 60 { // halvings, which is all that a float64 holds
		middle := (low + high) / 2
		if atMost(bad, n, middle) > alpha {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// confidence is how sure the samples make it that the true share is on the side of the
// limit that was observed: from 0 to 1.
func confidence(bad, n int64, limit float64) float64 {
	if n == 0 {
		return 0
	}
	if float64(bad) > limit*float64(n) {
		return math.Max(0, atMost(bad-1, n, limit))
	}
	return 1 - atMost(bad, n, limit)
}
