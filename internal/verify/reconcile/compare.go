// Package reconcile holds what a load generator measured against what the service's own
// metrics say of the same requests. Both edges are quiet: counters are read when all that
// came before was scraped, and again when all of the load was, so that the figures are of
// the same requests and nothing is extrapolated.
package reconcile

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// What client and server may differ by before an objective is void.
const (
	// BoundRequests is the share of the requests that may be missing at the server.
	BoundRequests = 0.01
	// BoundProbes is how many requests a second others may add beside that share before
	// nothing is compared: those of probes.
	BoundProbes = 1.0
	// BoundErrors is the share of the requests by which the server may count more errors.
	BoundErrors = 0.001
	// BoundLatency is the share of the objective's limit that may lie outside the service
	// if client and server are on different sides of it.
	BoundLatency = 1.0 / 3
)

// Verdict is what the comparison came to.
type Verdict string

// The verdicts of a comparison.
const (
	Agrees      Verdict = "agrees"
	Differs     Verdict = "differs"      // by more than a bound: the objectives concerned are void
	NotCompared Verdict = "not-compared" // Reason says why; this voids nothing
)

// Result is the comparison, beside the report's other results.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	Rows    []Row   `json:"rows,omitempty"`
	// Void are objectives whose figures can't be relied on, by name, with the reason.
	Void map[string]string `json:"void,omitempty"`
}

// Row is one figure as both saw it.
type Row struct {
	Name   string  `json:"name"` // "requests", "errors" or "p95"
	Unit   string  `json:"unit"` // "" for a count, or "ms"
	Client float64 `json:"client"`
	Server float64 `json:"server"`
	// Lower and Upper bound what the server's figure can be; a histogram knows its
	// buckets alone. Upper is 0 if it has none.
	Lower      float64 `json:"lower,omitempty"`
	Upper      float64 `json:"upper,omitempty"`
	Difference float64 `json:"difference"` // Server less Client
	Bound      float64 `json:"bound"`      // what is allowed, in Unit
	Within     bool    `json:"within"`
	// Explanation says where the difference comes from.
	Explanation string `json:"explanation"`
}

// Unknown is the result where there is nothing to compare with.
func Unknown(format string, args ...any) Result {
	return Result{Verdict: NotCompared, Reason: fmt.Sprintf(format, args...)}
}

// Compare holds everything that went out against the counters from before and after.
func Compare(wire load.Wire, before, after canary.Counters, objectives config.Objectives) Result {
	window := canary.Increase(before, after)
	if wire.Sent == 0 {
		return Unknown("nothing was sent")
	}
	others := BoundRequests*float64(wire.Sent) + BoundProbes*wire.Until.Sub(wire.From).Seconds()
	if more := float64(window.Requests) - float64(wire.Sent); more > others {
		return Unknown("Prometheus counted %.0f requests more than were sent: others used the service at the same time, or something in between tried again", more)
	}
	counted := requests(wire, window)
	if lost := lost(before, after); lost != "" && !counted.Within {
		return Unknown("%s", lost)
	}
	made := Result{Verdict: Agrees, Void: map[string]string{}}
	made.add(counted, objectives.From(config.FromLoad))
	made.add(failures(wire, window), of(objectives, config.Availability, config.ErrorRate))
	for _, objective := range of(objectives, config.Latency) {
		made.add(latency(wire, window, objective), config.Objectives{objective})
	}
	return made
}

// lost says what can't be known any more of a pod that ended, or nothing. After a canary
// the pods of the version before end while others serve: where no request is missing, there
// was nothing to lose.
func lost(before, after canary.Counters) string {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		now, there := after[name]
		switch {
		case !there:
			return fmt.Sprintf("pod %s ended during the load, with what it had counted", name)
		case now.Restarted(before[name]):
			return fmt.Sprintf("pod %s started anew during the load, and counts from nothing", name)
		}
	}
	return ""
}

func of(objectives config.Objectives, indicators ...config.Indicator) config.Objectives {
	var some config.Objectives
	for _, objective := range objectives.From(config.FromLoad) {
		for _, indicator := range indicators {
			if objective.Indicator == indicator {
				some = append(some, objective)
			}
		}
	}
	return some
}

// add keeps a row, and voids the objectives that it concerns if it is beyond its bound.
func (r *Result) add(row Row, concerns config.Objectives) {
	row.Difference = round(row.Server - row.Client)
	row.Client, row.Server, row.Bound = round(row.Client), round(row.Server), round(row.Bound)
	r.Rows = append(r.Rows, row)
	if row.Within {
		return
	}
	r.Verdict = Differs
	for _, objective := range concerns {
		if r.Void[objective.Name] == "" {
			r.Void[objective.Name] = row.Explanation
		}
	}
}

// requests compares counts. What the ingress answers itself doesn't reach the service,
// and a request without an answer may have.
func requests(wire load.Wire, window canary.Window) Row {
	row := Row{Name: "requests", Client: float64(wire.Answered), Server: float64(window.Requests)}
	row.Bound = BoundRequests * row.Client
	least, most := float64(wire.Answered-wire.Unavailable()), float64(wire.Sent)
	row.Within = row.Server >= least-row.Bound
	switch {
	case row.Server == row.Client:
		row.Explanation = "the service counted every request that was answered"
	case !row.Within:
		row.Explanation = fmt.Sprintf("%.0f requests were answered that the service never counted: something else answers in its place", least-row.Server)
	case row.Server < least:
		row.Explanation = fmt.Sprintf("%.0f are missing: pods that were scraped for the last time before they ended, or answers from elsewhere", least-row.Server)
	case row.Server < row.Client:
		row.Explanation = fmt.Sprintf("%.0f answers of 500 and above were made before the service: by the ingress, for example", row.Client-row.Server)
	case row.Server <= most:
		row.Explanation = fmt.Sprintf("the service answered %.0f that nobody waited for any more", row.Server-row.Client)
	default:
		row.Explanation = fmt.Sprintf("%.0f more than were sent: those of probes or of others, or tried again in between", row.Server-most)
	}
	return row
}

// failures compares answers of 500 and above.
func failures(wire load.Wire, window canary.Window) Row {
	row := Row{Name: "errors", Client: float64(wire.Unavailable()), Server: float64(window.Errors)}
	row.Bound = math.Ceil(BoundErrors * float64(wire.Sent))
	unanswered := float64(wire.Sent - wire.Answered)
	row.Within = row.Server <= row.Client+unanswered+row.Bound
	switch {
	case row.Server == row.Client:
		row.Explanation = "both saw the same answers of 500 and above"
	case !row.Within:
		row.Explanation = fmt.Sprintf("the service failed %.0f times more than the load saw: something in between hides it", row.Server-row.Client)
	case row.Server > row.Client:
		row.Explanation = fmt.Sprintf("%.0f failed after the load had given up on them, or were tried again in between", row.Server-row.Client)
	default:
		row.Explanation = fmt.Sprintf("%.0f were made before the service: by the ingress, for example", row.Client-row.Server)
	}
	return row
}

// latency compares an objective's percentile over everything that went out.
func latency(wire load.Wire, window canary.Window, objective config.Objective) Row {
	const millisecond = 1000
	estimate, lower, upper := window.Quantile(objective.Quantile)
	limit := objective.Limit.Value
	row := Row{
		Name: "p" + fmt.Sprint(round(objective.Quantile*100)), Unit: "ms", Client: wire.Service.At(objective.Quantile),
		Server: estimate * millisecond, Lower: round(lower * millisecond), Bound: BoundLatency * limit, Within: true,
	}
	if !math.IsInf(upper, 1) {
		row.Upper = round(upper * millisecond)
	}
	between := fmt.Sprintf("by its buckets, the service's lies between %s and %s", milliseconds(row.Lower), milliseconds(row.Upper))
	if row.Upper == 0 {
		between = "by its buckets, the service's is over " + milliseconds(row.Lower)
	}
	// The clocks of both count in microseconds; a little is rounding.
	const rounding = 1.0
	outside := row.Client - row.Upper
	switch {
	case window.Requests == 0 || wire.Service.Count == 0:
		row.Explanation = "one of them has no times"
	case row.Lower > row.Client+rounding:
		row.Within = false
		row.Explanation = fmt.Sprintf("the service took longer than the load waited, which can't be: %s", between)
	case row.Upper == 0 || outside <= 0:
		row.Explanation = "they are the same as far as buckets tell: " + between
	case row.Client > limit && row.Upper <= limit && outside > row.Bound:
		row.Within = false
		row.Explanation = fmt.Sprintf("at least %s of it were spent outside the service, in the network, the ingress or queues, and make the difference: %s", milliseconds(outside), between)
	default:
		row.Explanation = fmt.Sprintf("at least %s were spent in the network, the ingress and queues before the handler: %s", milliseconds(outside), between)
	}
	return row
}

func milliseconds(ms float64) string {
	return time.Duration(math.Round(ms * float64(time.Millisecond))).Round(10 * time.Microsecond).String()
}

func round(value float64) float64 { return math.Round(value*1000) / 1000 }
