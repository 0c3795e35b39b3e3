// Package slo turns measurements into a verdict for each service level objective.
package slo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// Verdict is what the measurement says of one objective.
type Verdict string

// The verdicts of the contract.
const (
	Met          Verdict = "met"
	Violated     Verdict = "violated"
	Insufficient Verdict = "insufficient" // too few samples to say
)

// Result is one objective, what was observed, and the verdict.
type Result struct {
	Name      string  `json:"name"`      // "latency-p95"
	Objective string  `json:"objective"` // "<300ms"
	Observed  float64 `json:"observed"`
	Unit      string  `json:"unit"` // "ms", "%"
	Samples   int64   `json:"samples"`
	Verdict   Verdict `json:"verdict"`
	Reason    string  `json:"reason,omitempty"`
	// Needed estimates the samples that a verdict takes, where there were too few.
	Needed int64 `json:"needed,omitempty"`
	// Bad counts the samples that the objective is against.
	Bad int64 `json:"bad"`
	// Margin is how far Observed is from the limit, in Unit; below 0 beyond it.
	Margin float64 `json:"margin"`
	// Confidence is how sure the samples make it, from 0 to 1, that the truth is on the
	// side of the limit that was observed. A verdict takes 0.95.
	Confidence float64 `json:"confidence"`
	// Void says why the figures can't be relied on, whatever they are; empty if they can.
	Void string `json:"void,omitempty"`
	// Budget is what the measurement spent of what may go wrong; nil without samples.
	Budget *Budget `json:"budget,omitempty"`
}

// Annul marks results as void, by their names, with the reason. Their verdict becomes
// Insufficient: nothing is known.
func Annul(results []Result, void map[string]string) []Result {
	annulled := slices.Clone(results)
	for i := range annulled {
		one := &annulled[i]
		if why := void[one.Name]; why != "" {
			one.Void, one.Verdict, one.Reason, one.Needed = why, Insufficient, "void: "+why, 0
		}
	}
	return annulled
}

// Judge sums the results up as an error: a fault.MeasurementVoid if any is void, else a
// fault.ObjectiveViolated if any was violated, else a fault.DataInsufficient if any could not be judged, else nil.
// measured is how long the samples took, for advice on the duration.
func Judge(results []Result, measured time.Duration) error {
	var violated, insufficient, void []string
	var why string
	var slowest Result
	var longest time.Duration
	for _, result := range results {
		if result.Void != "" {
			void, why = append(void, result.Name), result.Void
			continue
		}
		switch result.Verdict {
		case Violated:
			violated = append(violated, result.Name)
		case Insufficient:
			insufficient = append(insufficient, result.Name)
			if takes := duration(result, measured); takes > longest {
				longest, slowest = takes, result
			}
		}
	}
	switch {
	case len(void) > 0:
		return fault.New(fault.MeasurementVoid, "objectives", strings.Join(void, ", "), "detail", why)
	case len(violated) > 0:
		return fault.New(fault.ObjectiveViolated, "objectives", strings.Join(violated, ", "))
	case len(results) == 0:
		return fault.New(fault.DataInsufficient, "objectives", "any objective", "samples", 0, "needed", "some", "duration", "1m")
	case len(insufficient) > 0:
		return fault.New(fault.DataInsufficient, "objectives", strings.Join(insufficient, ", "),
			"samples", slowest.Samples, "needed", atLeast(slowest.Needed), "duration", brief(longest))
	}
	return nil
}

// duration estimates how long a run takes to reach the result's verdict, with a
// fifth to spare: at the pace at which its samples came.
func duration(result Result, measured time.Duration) time.Duration {
	const step, most = 10 * time.Second, time.Hour
	switch {
	case result.Needed == 0:
		return most
	case result.Samples == 0 || measured <= 0:
		return step
	}
	takes := time.Duration(1.2 * float64(result.Needed) / float64(result.Samples) * float64(measured))
	return min(most, (takes + step - 1).Truncate(step))
}

// brief writes a duration as people type it: 90s, 5m, 1h.
func brief(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return fmt.Sprintf("%ds", d/time.Second)
	}
}

func atLeast(needed int64) string {
	if needed == 0 {
		return "many more"
	}
	return "about " + strconv.FormatInt(needed, 10)
}
