package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/plot"
	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// headline is the verdict: in a few words, and in one sentence with its numbers.
func (d *Document) headline() (title, sentence, tone string) {
	by := map[slo.Verdict][]slo.Result{}
	for _, result := range d.SLO {
		by[result.Verdict] = append(by[result.Verdict], result)
	}
	violated, unsure, met := by[slo.Violated], by[slo.Insufficient], by[slo.Met]
	switch {
	case d.Status == flow.Interrupted:
		return "Interrupted", d.measured() + "this is what was measured until then.", "warn"
	case d.Load != nil && d.Load.Void != "":
		return "The measurement is void", fmt.Sprintf("The generator did not hold %s requests a second: %s. This says nothing about the service.",
			number(d.Load.Total.Asked), d.Load.Void), "bad"
	case d.Error != nil && d.Error.Code == fault.MeasurementVoid:
		return "The measurement is void", capital(d.Error.Message) + ".", "bad"
	case len(violated) > 0:
		return agreed(len(violated), "objective is", "objectives are") + " violated", d.measured() + listed(violated, said) + others(met, unsure), "bad"
	case d.Error != nil && !measured(d.Error.Code) && d.Error.Code != fault.DashboardsBroken:
		return "The run failed", capital(d.Error.Message) + ".", "bad"
	case len(unsure) > 0:
		return "Too little data for a verdict", d.measured() + listed(unsure, func(r slo.Result) string { return r.Name + " cannot be told: " + r.Reason }) + others(met, nil), "warn"
	case d.Error != nil:
		return "The run failed", capital(d.Error.Message) + ".", "bad"
	case len(met) > 0:
		return "All objectives are met", d.measured() + listed(met, said) + ".", "good"
	}
	if len(d.Alerts) > 0 {
		return "Every alert is proved", fmt.Sprintf("Each of %d exercises had its alert fire, reach the inbox, and be over when the fault was.", len(d.Alerts)), "good"
	}
	return "Done", fmt.Sprintf("pocctl %s took %s.", d.Command, terminal.Seconds(d.Seconds)), "good"
}

// capital begins a sentence.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// measured begins a sentence with the load that it is about.
func (d *Document) measured() string {
	if d.Load == nil || d.Load.Total.Sent == 0 {
		return ""
	}
	return fmt.Sprintf("At %s requests a second for %s, ", number(d.Load.Total.Held), plot.Seconds.Format(d.Load.Total.Seconds))
}

// said tells an objective's observation in words.
func said(result slo.Result) string {
	return fmt.Sprintf("%s was %s (objective %s)", result.Name, strings.Replace(observed(result), " %", "%", 1), result.Objective)
}

func others(met, unsure []slo.Result) string {
	var parts []string
	if len(met) > 0 {
		parts = append(parts, agreed(len(met), "other is met", "others are met"))
	}
	if len(unsure) > 0 {
		parts = append(parts, agreed(len(unsure), "cannot be told", "cannot be told"))
	}
	if parts == nil {
		return "."
	}
	return "; " + strings.Join(parts, ", ") + "."
}

func agreed(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

func listed(results []slo.Result, say func(slo.Result) string) string {
	parts := make([]string, len(results))
	for i, result := range results {
		parts[i] = say(result)
	}
	if last := len(parts) - 1; last > 0 {
		return strings.Join(parts[:last], ", ") + " and " + parts[last]
	}
	return parts[0]
}

func objectiveRowOf(result slo.Result) objectiveRow {
	row := objectiveRow{
		Name: result.Name, Target: result.Objective, Observed: observed(result), Samples: count(result.Samples), Bad: count(result.Bad),
		Verdict: string(result.Verdict), Reason: result.Reason, Tone: "warn",
	}
	switch result.Verdict {
	case slo.Met:
		row.Tone = "good"
	case slo.Violated:
		row.Tone = "bad"
	case slo.Insufficient:
	}
	if result.Void != "" {
		row.Verdict, row.Tone, row.Reason = "void", "bad", result.Void
	}
	if result.Samples == 0 {
		row.Margin, row.Confidence = terminal.GlyphSkipped, terminal.GlyphSkipped
		return row
	}
	row.Margin = signed(result.Margin, result.Unit)
	row.Confidence = sure(result.Confidence)
	if result.Budget != nil {
		row.Used = math.Min(100, 100*result.Budget.Burn)
		row.Left, row.Lasts = budgetWords(*result.Budget)
	}
	return row
}

// budgetWords say what is left of an error budget, and how long it would last.
func budgetWords(b slo.Budget) (left, lasts string) {
	left = strconv.FormatFloat(math.Round(100*b.Left*10)/10, 'f', -1, 64) + "% left"
	if b.Left < 0 {
		left = strconv.FormatFloat(math.Round(b.Burn*10)/10, 'f', -1, 64) + " times what may go wrong"
	}
	if b.LastsDays == 0 {
		return left, "Nothing was spent. With 95% confidence, a budget for 30 days lasts at least " + days(b.LastsAtLeastDays)
	}
	return left, fmt.Sprintf("At this rate a budget for 30 days lasts %s, and with 95%% confidence at least %s", days(b.LastsDays), days(b.LastsAtLeastDays))
}

// days writes a length of time as people say it.
func days(d float64) string {
	switch hours := d * 24; {
	case d >= 3650:
		return "10 years"
	case d >= 700:
		return strconv.FormatFloat(d/365, 'f', 1, 64) + " years"
	case d >= 10:
		return strconv.FormatFloat(d, 'f', 0, 64) + " days"
	case d >= 2:
		return strconv.FormatFloat(d, 'f', 1, 64) + " days"
	case hours >= 2:
		return strconv.FormatFloat(hours, 'f', 1, 64) + " hours"
	default:
		return strconv.FormatFloat(max(1, hours*60), 'f', 0, 64) + " minutes"
	}
}

// sure writes a confidence without ever calling it certain.
func sure(confidence float64) string {
	if confidence >= 0.999 {
		return "> 99.9%"
	}
	return strconv.FormatFloat(math.Floor(confidence*1000)/10, 'f', 1, 64) + "%"
}

func signed(value float64, unit string) string {
	sign := "+"
	if value < 0 {
		sign, value = "−", -value
	}
	digits := 1
	if value < 1 {
		digits = 3
	}
	text := strconv.FormatFloat(value, 'f', digits, 64)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if unit == "%" {
		unit = "points" // of percent
	}
	return sign + text + " " + unit
}

func number(value float64) string { return plot.Count.Format(math.Round(value*10) / 10) }

// times writes milliseconds.
func times(ms float64) string { return plot.Seconds.Format(ms / 1000) }

func sorted(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return int(counts[b] - counts[a]) })
}

func (d *Document) headFacts() []fact {
	facts := []fact{{"Environment", d.Env}, {"Command", "pocctl " + d.Command}, {"Began", d.Started.UTC().Format("2 January 2006, 15:04:05 UTC")}}
	if d.Load != nil {
		facts = append(facts, fact{"Requests", count(d.Load.Total.Sent)}, fact{"Failed", count(d.Load.Total.Failed)}, fact{"Never sent", count(d.Load.Total.Unsent)})
	}
	return append(facts, fact{"Took", terminal.Seconds(d.Seconds)})
}

// runFacts are what one needs to know to repeat the run.
func (d *Document) runFacts() []fact {
	facts := []fact{{"Run", d.Run}, {"Address", d.Endpoints["app"]}}
	if d.By != nil {
		facts = append(facts, fact{"Generator", fmt.Sprintf("pocctl %s on %s/%s, %d cores", d.By.Version, d.By.OS, d.By.Arch, d.By.Cores)})
	}
	if l := d.Load; l != nil {
		var plan []string
		for _, span := range l.Plan {
			rate := number(span.To) + "/s"
			if span.From != span.To {
				rate = number(span.From) + " to " + rate
			}
			plan = append(plan, fmt.Sprintf("%s %s for %s", span.Name, rate, plot.Seconds.Format(span.Seconds)))
		}
		facts = append(facts, fact{"Plan", strings.Join(plan, ", ")},
			fact{"Keys", fmt.Sprintf("%d, by a Zipf distribution with exponent %s, seed %d", l.Targets, number(l.Skew), l.Seed)},
			fact{"Connections", fmt.Sprintf("%s set up", count(l.Connect.Count))})
		if reads := l.Total.CacheHits + l.Total.CacheMisses; reads > 0 {
			facts = append(facts, fact{"Cache", fmt.Sprintf("%s of %s reads were hits", count(l.Total.CacheHits), count(reads))})
		}
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Text == "" })
}
