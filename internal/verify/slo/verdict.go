// Package slo turns measurements into a verdict for each service level objective.
package slo

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
}
