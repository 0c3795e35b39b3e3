package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/plot"
	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

//go:embed html.html
var htmlPage string

//go:embed html.css
var htmlStyle string

// webPage is what the template shows.
type webPage struct {
	Style                  template.CSS
	Title, Sentence, Tone  string // "good", "warn" or "bad"
	Fix                    string
	Facts                  []fact
	Objectives             []objectiveRow
	Latency, Rate, Trouble *plot.Chart
	Curve, Bars, Lag       *plot.Chart
	Timeline               []timelineRow
	Split                  []splitRow
	Stages, Operations     []stageRow
	Failures               []fact
	Example                string
	Phases                 []phaseRow
	Canary                 *canarySection
	Compared               *comparison
	Alerts                 []alertRow
	Run                    []fact
	Load                   *load.Result
	Dashboards             *dashboards.Part
}

type fact struct{ Name, Text string }

// objectiveRow is an objective with what its budget came to.
type objectiveRow struct {
	Name, Target, Observed, Margin, Samples, Bad, Confidence string
	Verdict, Tone, Reason                                    string
	Used                                                     float64 // percent of the limit or budget, at most 100
	Left, Lasts                                              string
}

// splitRow is a part of the time that requests took.
type splitRow struct {
	Name, What                    string
	Count                         string
	P50, P90, P95, P99, P999, Max string
}

// stageRow is a stage or an operation.
type stageRow struct {
	Name, Asked, Held, Sent, Unsent, Failed string
	P50, P95, P99                           string
	Bad                                     bool
}

type timelineRow struct {
	At, Due, Sent, Answered, Failed, Unsent, P50, P95, P99, Lag string
}

// phaseRow is a phase on the time of the run, whose bar has its place in percent.
type phaseRow struct {
	Name, Tone, Spent, Budget string
	Start, Width              float64
}

// HTML writes the report as one page that stands by itself: HTML with its style and
// pictures, without scripts, that asks nothing of anybody. boards are shown below, if
// there are any.
func (d *Document) HTML(w io.Writer, boards *dashboards.Part) error {
	shown := webPage{
		Style:    plot.Style() + template.CSS(htmlStyle), //nolint:gosec // the style is ours
		Canary:   canarySectionOf(d.Canary),
		Run:      d.runFacts(),
		Facts:    d.headFacts(),
		Load:     d.Load,
		Phases:   d.phaseRows(),
		Alerts:   d.alertRows(),
		Timeline: timelineRows(d.Load),
	}
	shown.Title, shown.Sentence, shown.Tone = d.headline()
	if d.Error != nil && d.Error.Code != fault.ObjectiveViolated { // whose fix is to look at this
		shown.Fix = d.Error.Fix
	}
	for _, result := range d.SLO {
		shown.Objectives = append(shown.Objectives, objectiveRowOf(result))
	}
	if d.Load != nil {
		d.fillLoad(&shown)
	}
	shown.Compared = comparisonOf(d.Reconciliation)
	shown.Dashboards = boards
	made, err := template.New("report").Parse(plot.Templates() + htmlPage)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := made.Execute(w, shown); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (d *Document) fillLoad(shown *webPage) {
	result := *d.Load
	pictures := picturesOf(result, latencyLimits(d.SLO))
	shown.Latency, shown.Rate, shown.Trouble = pictures.latency, pictures.rate, pictures.trouble
	shown.Curve, shown.Bars, shown.Lag = pictures.curve, pictures.bars, pictures.lag
	shown.Split = []splitRow{
		splitRowOf("Latency", "from the moment a request was due", result.Total.Latency),
		splitRowOf("Service time", "from the moment it left", result.Total.Service),
		splitRowOf("Scheduler lag", "how late it left, which is the generator's own", result.Lag),
		splitRowOf("Connection set-up", "once for each connection, the warm-up's included", result.Connect),
	}
	for _, stage := range result.Stages {
		shown.Stages = append(shown.Stages, stageRow{
			Name: stage.Name, Asked: plot.PerSecond.Format(stage.Asked), Held: plot.PerSecond.Format(stage.Held),
			Sent: count(stage.Sent), Unsent: count(stage.Unsent), Failed: count(stage.Failed), Bad: stage.Failed+stage.Unsent > 0,
			P50: times(stage.Latency.P50), P95: times(stage.Latency.P95), P99: times(stage.Latency.P99),
		})
	}
	for _, operation := range result.Operations {
		shown.Operations = append(shown.Operations, stageRow{
			Name: operation.Name, Sent: count(operation.Sent), Failed: count(operation.Failed), Bad: operation.Failed > 0,
			P50: times(operation.Latency.P50), P95: times(operation.Latency.P95), P99: times(operation.Latency.P99),
		})
	}
	for _, kind := range sorted(result.Total.Errors) {
		shown.Failures = append(shown.Failures, fact{kind, count(result.Total.Errors[kind])})
	}
	shown.Example = result.Total.Example
}

// comparison is with the service's own metrics.
type comparison struct {
	Tone, Said string
	Rows       []comparisonRow
}

type comparisonRow struct {
	Name, Client, Server, Difference, Bound, Explanation string
	Bad                                                  bool
}

func comparisonOf(result *reconcile.Result) *comparison {
	if result == nil {
		return nil
	}
	made := &comparison{Tone: "good", Said: "Client and service agree: their figures are of the same requests, and differ by less than is allowed."}
	switch result.Verdict {
	case reconcile.Differs:
		made.Tone, made.Said = "bad", "Client and service differ by more than is allowed: the objectives concerned are void."
	case reconcile.NotCompared:
		made.Tone, made.Said = "warn", "Not compared: "+result.Reason+"."
	case reconcile.Agrees:
	}
	for _, row := range result.Rows {
		one := comparisonRow{Name: row.Name, Explanation: row.Explanation, Bad: !row.Within}
		one.Client, one.Server, one.Difference, one.Bound = row.Texts()
		made.Rows = append(made.Rows, one)
	}
	return made
}

func splitRowOf(name, what string, d load.Distribution) splitRow {
	return splitRow{
		Name: name, What: what, Count: count(d.Count), P50: times(d.P50), P90: times(d.P90), P95: times(d.P95),
		P99: times(d.P99), P999: times(d.P999), Max: times(d.Max),
	}
}

func timelineRows(result *load.Result) []timelineRow {
	if result == nil {
		return nil
	}
	var rows []timelineRow
	for _, one := range result.Timeline.Intervals {
		rows = append(rows, timelineRow{
			At: plot.Seconds.Axis(one.At, 60), Due: count(one.Due), Sent: count(one.Sent), Answered: count(one.Answered),
			Failed: count(one.Failed), Unsent: count(one.Unsent), P50: times(one.P50), P95: times(one.P95), P99: times(one.P99), Lag: times(one.LagP99),
		})
	}
	return rows
}

// phaseRows are the phases of a run that has several.
func (d *Document) phaseRows() []phaseRow {
	if len(d.Phases) < 2 || d.Seconds <= 0 {
		return nil
	}
	var rows []phaseRow
	for _, phase := range d.Phases {
		row := phaseRow{Name: phase.Name, Tone: "good", Spent: terminal.Seconds(phase.Seconds)}
		switch phase.Status {
		case flow.Failed:
			row.Tone = "bad"
		case flow.Interrupted:
			row.Tone = "warn"
		case flow.Skipped:
			row.Tone, row.Spent = "none", "skipped"
		case flow.Passed:
		}
		if phase.BudgetSeconds > 0 {
			row.Budget = terminal.Budget(phase.BudgetSeconds)
		}
		first := math.Inf(1)
		for _, step := range phase.Steps {
			if step.Status != flow.Skipped {
				first = min(first, step.StartSeconds)
			}
		}
		if !math.IsInf(first, 1) {
			row.Start = min(99, 100*first/d.Seconds)
			row.Width = min(100-row.Start, max(0.5, 100*phase.Seconds/d.Seconds))
		}
		rows = append(rows, row)
	}
	return rows
}

// latencyLimits are those that a latency can be drawn beside, in milliseconds.
func latencyLimits(results []slo.Result) map[string]float64 {
	limits := map[string]float64{}
	for _, result := range results {
		if result.Unit != "ms" {
			continue
		}
		var limit float64
		if _, err := fmt.Sscanf(strings.TrimLeft(result.Objective, "<=>"), "%gms", &limit); err == nil && limit > 0 {
			limits[result.Name+" "+result.Objective] = limit
		}
	}
	return limits
}
