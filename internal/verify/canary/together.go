package canary

import "math"

const (
	fewestTogether = 12 // requests that share their fate in latency, where nothing tells how many do
	fewestParts    = 8  // less is too little to tell
)

// inAPause is how many of the canary's requests share their fate in latency at most: a
// process that stands still makes many slow at once, and that is one misfortune. What
// looks like a regression is many slow ones of the canary, not of the stable version.
func (j judging) inAPause() float64 {
	pace := j.canary.Pace
	if pace == 0 && j.wrong == "" {
		pace = j.stable.Pace
	}
	return max(fewestTogether, pace*j.limits.Pause.Seconds())
}

// oftener tests whether misfortunes that make requests slower than a bound befall the
// canary oftener; 1 if too few parts tell. How many requests one strikes shows in how
// unevenly the slow ones lie in the parts: it may be one, or all of a pause. Misfortunes
// come with requests or with time, so that the canary is given the greater of its shares
// in both. If it is no worse, then of those of both at a weight it has as many as a
// binomial distribution of that share says (Przyborowski and Wilenski: Homogeneity of
// Results in Testing Samples from Poisson Series, 1940).
func (j judging) oftener(bound float64) float64 {
	ofCanary, ofStable := j.canary.counted(bound), j.stable.counted(bound)
	if min(len(ofCanary), len(ofStable)) < fewestParts {
		return 1
	}
	// Of two estimates, the one that speaks for the canary.
	few := min(j.inAPause(), max(1, designEffect(ofCanary), atOnce(ofCanary)))
	fewOfStable := min(j.inAPause(), max(1, min(designEffect(ofStable), atOnce(ofStable))))
	seen, expected := int64(0), 0.0
	sum := distribution{chances: []float64{1}}
	for _, both := range j.weights() {
		canary, known := both.canary.slower(bound)
		stable, same := both.stable.slower(bound)
		parts := float64(len(both.canary.Parts)) / float64(max(1, len(both.canary.Parts)+len(both.stable.Parts)))
		if !known || !same || canary.all+stable.all == 0 {
			continue
		}
		share := max(parts, float64(canary.all)/float64(canary.all+stable.all))
		misfortunes := int64(math.Round(float64(canary.bad) / few))
		ofBoth := misfortunes + int64(math.Ceil(float64(stable.bad)/fewOfStable))
		seen, expected = seen+misfortunes, expected+share*float64(ofBoth)
		sum = sum.plus(binomial(ofBoth, share))
	}
	if float64(seen) <= expected+negligible {
		return 1
	}
	return sum.atLeast(seen)
}

// counted gives, by pod and reading at any weight, how many were slower than a bound.
func (w Window) counted(bound float64) []split {
	var counted []split
	for _, window := range append([]Window{w}, w.Before...) {
		for _, part := range window.Parts {
			if slow, known := slower(part.Buckets, part.Requests, bound); known {
				counted = append(counted, slow)
			}
		}
	}
	return counted
}

// designEffect is by how much the variance of the share of bad ones is greater than that
// of as many independent requests (Rao and Scott: A Simple Method for the Analysis of
// Clustered Binary Data, 1992); 1 if nothing can be told.
func designEffect(parts []split) float64 {
	var whole split
	for _, part := range parts {
		whole.bad += part.bad
		whole.all += part.all
	}
	share := whole.share()
	if len(parts) < 2 || share == 0 || share == 1 {
		return 1
	}
	squares := 0.0
	for _, part := range parts {
		off := float64(part.bad) - share*float64(part.all)
		squares += off * off
	}
	many := float64(len(parts))
	return squares * many / (many - 1) / (float64(whole.all) * share * (1 - share))
}

// atOnce is how many bad ones a misfortune makes, if each falls into one part, by how
// many parts have any: of some that fall anywhere, several fall into the same part.
func atOnce(parts []split) float64 {
	var whole split
	struck := 0.0
	for _, part := range parts {
		whole.bad += part.bad
		whole.all += part.all
		if part.bad > 0 {
			struck++
		}
	}
	if whole.bad == 0 {
		return 1
	}
	struck = min(struck, float64(len(parts))-0.5) // all are struck by very many alone
	least, most := 0.0, float64(whole.bad)
	for range 40 {
		misfortunes, expected := (least+most)/2, 0.0
		for _, part := range parts {
			expected -= math.Expm1(-misfortunes * float64(part.all) / float64(whole.all))
		}
		if expected < struck {
			least = misfortunes
		} else {
			most = misfortunes
		}
	}
	return float64(whole.bad) / most
}
