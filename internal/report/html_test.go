package report

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

var look = flag.String("look", "", "write the pages of all documents into this folder")

// spike is a made-up load: a minute with a spike, and a slow second in it.
func spike() *load.Result {
	begin := time.Date(2026, 1, 2, 3, 4, 17, 0, time.UTC)
	result := &load.Result{
		Started: begin, Seed: 1, Targets: 100, Skew: 1.1,
		Plan: []load.Span{
			{Name: "warm-up", At: -5, Seconds: 5, To: 300, Warmup: true}, {Name: "steady", Seconds: 20, From: 300, To: 300},
			{Name: "spike", At: 20, Seconds: 20, From: 600, To: 600}, {Name: "recovery", At: 40, Seconds: 20, From: 300, To: 300},
		},
		Timeline: load.Timeline{Seconds: 1},
	}
	for i := range 65 {
		at := float64(i - 5)
		one := load.Interval{At: at, Due: 300, Sent: 300, Answered: 300, P50: 4.1 + math.Sin(at/3), P95: 14 + 3*math.Sin(at/5), P99: 31 + 9*math.Sin(at/2), LagP99: 0.3 + 0.1*math.Sin(at)}
		switch {
		case at < 0:
			one.Due = int64(60*(at+5) + 30)
			one.Sent, one.Answered = one.Due, one.Due
		case at >= 20 && at < 40:
			one.Due, one.Sent, one.Answered = 600, 600, 600
			one.P50, one.P95, one.P99 = one.P50*1.6, one.P95*1.9, one.P99*2.2
			if at == 27 {
				one.Answered, one.P95, one.P99, one.Failed = 270, 260, 410, 3
			}
			if at == 28 {
				one.Answered = 930
			}
		}
		result.Timeline.Intervals = append(result.Timeline.Intervals, one)
	}
	for i := 1; i <= 43; i++ {
		above := math.Pow(10, -float64(i)/10)
		result.Percentiles = append(result.Percentiles, load.Percentile{
			Quantile: math.Round((1-above)*1e6) / 1e6, Latency: 1.5 * math.Pow(1/above, 0.63), Service: 1.4 * math.Pow(1/above, 0.6), Lag: 0.05 * math.Pow(1/above, 0.35),
		})
	}
	result.Percentiles = append(result.Percentiles, load.Percentile{Quantile: 1, Latency: 702, Service: 540, Lag: 9})
	for i := range 24 {
		result.Bars = append(result.Bars, load.Bar{Below: math.Pow(10, float64(i)/8), Count: int64(4200 * math.Exp(-math.Pow(float64(i)-5.5, 2)/14))})
	}
	times := func(count int64, p50 float64) load.Distribution {
		return load.Distribution{Count: count, Mean: p50 * 1.2, P50: p50, P90: p50 * 2, P95: p50 * 3.2, P99: p50 * 8, P999: p50 * 60, Max: p50 * 140}
	}
	figures := func(name string, seconds, rate float64, failed int64, p50 float64) load.Figures {
		sent := int64(seconds * rate)
		return load.Figures{Name: name, Seconds: seconds, Asked: rate, Held: rate, Sent: sent, Failed: failed, Unavailable: failed, Latency: times(sent, p50), Service: times(sent, p50*0.95)}
	}
	result.Total = figures("", 60, 400, 3, 5)
	result.Total.CacheHits, result.Total.CacheMisses = 14_900, 2_080
	result.Total.Errors, result.Total.Example = map[string]int64{"status 503": 2, "timeout": 1}, `{"detail":"<no server> is available"}`
	result.Stages = []load.Figures{figures("steady", 20, 300, 0, 4), figures("spike", 20, 600, 3, 6.5), figures("recovery", 20, 300, 0, 4.2)}
	for i, name := range []string{"read", "search", "update", "create", "delete", "order"} {
		result.Operations = append(result.Operations, load.OperationFigures{Name: name, Sent: int64(16_800 / (1 + i*i)), Failed: int64(i / 5 * 3), Latency: times(100, float64(3+2*i))})
	}
	result.Lag, result.Connect = times(24_000, 0.06), times(48, 0.3)
	return result
}

func judged(name, objective, unit string, observed, margin float64, bad, samples int64, verdict slo.Verdict, confidence float64, budget slo.Budget, reason string) slo.Result {
	return slo.Result{
		Name: name, Objective: objective, Observed: observed, Unit: unit, Samples: samples, Verdict: verdict, Bad: bad, Margin: margin,
		Confidence: confidence, Budget: &budget, Reason: reason,
	}
}

// withLoad are documents of runs that sent load, by how they ended.
func withLoad() map[string]*Document {
	made := func() *Document {
		d := passed()
		d.Command, d.Load, d.By = "verify", spike(), &By{Version: "v1.2.3", OS: "linux", Arch: "amd64", Cores: 2}
		d.SLO = []slo.Result{
			judged("latency-p95", "<300ms", "ms", 16.02, 283.98, 88, 23_999, slo.Met, 1, slo.Budget{Allowed: 0.05, Left: 0.927, Burn: 0.073, LastsDays: 410, LastsAtLeastDays: 340}, ""),
			judged("error-rate", "<1%", "%", 0.0125, 0.9875, 3, 24_000, slo.Met, 1, slo.Budget{Allowed: 0.01, Left: 0.988, Burn: 0.012, LastsDays: 2400, LastsAtLeastDays: 929}, ""),
			judged("availability", ">=99.9%", "%", 99.9875, 0.0875, 3, 24_000, slo.Met, 0.9999, slo.Budget{Allowed: 0.001, Left: 0.875, Burn: 0.125, LastsDays: 240, LastsAtLeastDays: 92.9}, ""),
			judged("cache-hit", ">85%", "%", 87.75, 2.75, 2080, 16_980, slo.Met, 1, slo.Budget{Allowed: 0.15, Left: 0.183, Burn: 0.817, LastsDays: 36.7, LastsAtLeastDays: 35.5}, ""),
		}
		d.Reconciliation = &reconcile.Result{Verdict: reconcile.Agrees, Rows: []reconcile.Row{
			{Name: "requests", Client: 25_412, Server: 25_412, Bound: 254, Within: true, Explanation: "the service counted every request that was answered"},
			{Name: "errors", Client: 2, Server: 1, Difference: -1, Bound: 26, Within: true, Explanation: "1 were made before the service: by the ingress, for example"},
			{Name: "p95", Unit: "ms", Client: 15.2, Server: 9.75, Lower: 5, Upper: 10, Difference: -5.45, Bound: 100, Within: true, Explanation: "at least 5.2ms were spent in the network, the ingress and queues before the handler: by its buckets, the service's lies between 5ms and 10ms"},
		}}
		return d
	}
	met := made()
	violated := made()
	violated.Status = flow.Failed
	violated.SLO[0] = judged("latency-p95", "<300ms", "ms", 412.125, -112.125, 1900, 23_999, slo.Violated, 1, slo.Budget{Allowed: 0.05, Left: -0.583, Burn: 1.583, LastsDays: 18.9, LastsAtLeastDays: 18.2}, "1900 of 23999 were slower")
	violated.SLO[2] = judged("availability", ">=99.9%", "%", 99.9125, 0.0125, 21, 24_000, slo.Insufficient, 0.75, slo.Budget{Allowed: 0.001, Left: 0.125, Burn: 0.875, LastsDays: 34.3, LastsAtLeastDays: 23.7}, "21 of 24000 were not served: too close to the limit to say")
	violated.Error = fault.From(slo.Judge(violated.SLO, time.Minute))
	void := made()
	void.Status, void.Load.Void = flow.Failed, "420 of 24420 were never sent, with at most 1500 under way at once"
	void.Error = fault.From(void.Load.Held())
	differs := made()
	differs.Status, differs.Reconciliation = flow.Failed, &reconcile.Result{
		Verdict: reconcile.Differs, Void: map[string]string{"availability": "something in between hides <30> errors"},
		Rows: []reconcile.Row{{Name: "errors", Server: 30, Difference: 30, Bound: 25, Explanation: "something in between hides <30> errors"}},
	}
	differs.SLO = slo.Annul(differs.SLO, differs.Reconciliation.Void)
	differs.Error = fault.From(slo.Judge(differs.SLO, time.Minute))
	alone := made()
	alone.Reconciliation = &reconcile.Result{Verdict: reconcile.NotCompared, Reason: "pod backend-1 ended during the load"}
	nothing := made()
	nothing.Status, nothing.Load = flow.Failed, &load.Result{}
	nothing.SLO = slo.Evaluate(nil, slo.Measurement{})
	return map[string]*Document{"met": met, "violated-load": violated, "void": void, "differs": differs, "alone": alone, "nothing": nothing}
}

func pageOf(t *testing.T, d *Document, boards *dashboards.Part) string {
	t.Helper()
	var text bytes.Buffer
	if err := d.HTML(&text, boards); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestHTML(t *testing.T) {
	golden(t, "met.html", pageOf(t, withLoad()["met"], nil))
	for name, want := range map[string][]string{
		"met": {
			"All objectives are met", "At 400 requests a second for 60 s, latency-p95 was 16.02 ms (objective &lt;300ms), ",
			"98.8% left", "lasts 240 days, and with 95% confidence at least 93 days", "&lt;no server&gt; is available", ">spike</text>", "coordinated omission",
		},
		"violated-load": {
			"1 objective is violated", "latency-p95 was 412.1 ms (objective &lt;300ms); 2 others are met, 1 cannot be told.",
			"1.6 times what may go wrong", "−112.1 ms", "75.0%", "too close to the limit to say",
		},
		"void":    {"The measurement is void", "420 of 24420 were never sent"},
		"differs": {"The measurement is void", "disagree on availability", "something in between hides &lt;30&gt; errors", " void</span>"},
		"alone":   {"All objectives are met", "Not compared: pod backend-1 ended"},
		"nothing": {"Done"},
	} {
		got := pageOf(t, withLoad()[name], nil)
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s lacks %q", name, text)
			}
		}
	}
}

func TestHTMLShowsWhatACanaryWasDecidedBy(t *testing.T) {
	got := pageOf(t, documents()["back"], nil)
	for _, text := range []string{
		`<a href="#canary">`, "1.1.0 (79c4758f46) rolled-back, with at most 10% of the requests: 106 in 12.5 s.",
		`<td>6.6%</td><td>–</td><td>1%</td><td>106</td>`, `<td>4.7 ms</td><td>4.1 ms</td><td>24 ms</td><td>1,106</td>`, "390.6 KiB/s",
	} {
		if !strings.Contains(got, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if strings.Contains(pageOf(t, documents()["passed"], nil), `id="canary"`) {
		t.Error("a run without a canary tells of one")
	}
}

// Every document makes a page that is whole, and asks nothing of anybody.
func TestHTMLStandsByItself(t *testing.T) {
	all := documents()
	for name, d := range withLoad() {
		all[name] = d
	}
	all["drilled"] = drilled()
	part := &dashboards.Part{HTML: `<section id="a-board"><h2>Boards</h2></section>`, Links: []dashboards.Link{{ID: "a-board", Title: "A board", Marked: true}}}
	asks := regexp.MustCompile(`(?i)<script|<img|<iframe|<object|@import|url\(|(?:src|href)="[^#d]`)
	for name, d := range all {
		got := pageOf(t, d, part)
		if found := asks.FindString(got); found != "" || strings.Contains(got, "ZgotmplZ") || strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
			t.Errorf("%s: the page has %q, or what is no number", name, found)
		}
		if problem := wellFormed(got); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
		if *look != "" {
			if err := os.WriteFile(*look+"/"+name+".html", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wellFormed says what is wrong with a page: an element that isn't closed, an id twice,
// a link to nowhere, a picture without a name.
func wellFormed(page string) string {
	void := map[string]bool{"meta": true, "link": true}
	var open, links []string
	ids := map[string]bool{}
	for tokens := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		token := tokens.Token()
		attributes := map[string]string{}
		for _, one := range token.Attr {
			attributes[one.Key] = one.Val
		}
		switch kind {
		case html.StartTagToken:
			if !void[token.Data] {
				open = append(open, token.Data)
			}
			if id := attributes["id"]; id != "" && ids[id] {
				return "the id " + id + " twice"
			} else if id != "" {
				ids[id] = true
			}
			if target, found := strings.CutPrefix(attributes["href"], "#"); found {
				links = append(links, target)
			}
			if token.Data == "svg" && attributes["aria-label"] == "" && attributes["aria-hidden"] != "true" {
				return "a picture without a name"
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				return fmt.Sprintf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	for _, target := range links {
		if !ids[target] {
			return "a link to " + target + ", which isn't there"
		}
	}
	if len(open) > 0 {
		return fmt.Sprintf("%v are never closed", open)
	}
	return ""
}

func TestTextOfALoad(t *testing.T) {
	for _, width := range []int{50, 80, 100} {
		for name, d := range withLoad() {
			var text bytes.Buffer
			if err := d.Text(&text, Look{Width: width}); err != nil {
				t.Fatal(err)
			}
			if name == "violated-load" {
				golden(t, fmt.Sprintf("%s-%d.txt", name, width), text.String())
			}
			for line := range strings.Lines(text.String()) {
				if len([]rune(line)) > width+1 {
					t.Errorf("%s: %q is wider than %d", name, line, width)
				}
			}
		}
	}
}

func TestTextTellsOfTheComparison(t *testing.T) {
	for name, want := range map[string]string{
		"met":     "  compared  Prometheus agrees: requests 25412, here 25412; errors 1, here 2; p95 9.8 ms, here 15.2 ms\n",
		"differs": "  compared  Prometheus differs: errors 30, here 0; something in between hides <30> errors\n",
		"alone":   "  compared  not with Prometheus: pod backend-1 ended during the load\n",
	} {
		var text bytes.Buffer
		if err := withLoad()[name].Text(&text, Look{Width: 120}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%s lacks %q:\n%s", name, want, text.String())
		}
	}
}
