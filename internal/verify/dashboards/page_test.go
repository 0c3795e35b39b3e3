package dashboards_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

var (
	update = flag.Bool("update", false, "write the golden files")
	look   = flag.String("look", "", "write a page of all dashboards with made-up data into this file")
)

// wave is a line of made-up values around a middle.
func wave(labels map[string]string, middle, swing float64, hole bool) dashboards.Series {
	hash := fnv.New32a()
	_, _ = fmt.Fprint(hash, labels)
	shift := float64(hash.Sum32() % 97)
	made := dashboards.Series{Labels: labels}
	for i := range 61 {
		if hole && i > 20 && i < 26 {
			continue
		}
		at := float64(i)
		value := middle * (1 + swing*(0.6*math.Sin(at/7+shift)+0.25*math.Sin(at/2.3+2*shift)+0.15*math.Sin(at*1.7+shift)))
		made.Points = append(made.Points, dashboards.Point{At: now().Add(time.Duration(i-60) * 15 * time.Second), Value: value})
	}
	return made
}

// last leaves only the present value.
func last(series dashboards.Series) dashboards.Series {
	series.Points = series.Points[len(series.Points)-1:]
	return series
}

// buckets are those of a histogram, with most of its events around 5 ms.
func buckets() []dashboards.Series {
	var all []dashboards.Series
	total := 0.0
	for i, le := range []string{"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.2", "0.3", "0.5", "+Inf"} {
		total += 900 * math.Exp(-math.Pow(float64(i)-2.5, 2)/2.5)
		if le == "+Inf" {
			total -= 900 * math.Exp(-math.Pow(float64(i)-2.5, 2)/2.5)
		}
		one := wave(map[string]string{}, total, 0.15, false)
		one.Labels = map[string]string{"le": le}
		all = append(all, one)
	}
	return all
}

func result(dashboard dashboards.Dashboard, panel dashboards.Panel, query int, data ...dashboards.Series) dashboards.Result {
	made := dashboards.Result{
		Dashboard: dashboard.UID, Panel: panel.Title, Query: query, Expr: panel.Queries[query].Expr, PossiblyEmpty: panel.PossiblyEmpty,
		At: now(), Verdict: dashboards.OK, Series: len(data), Data: data,
	}
	if len(data) == 0 {
		made.Verdict = dashboards.Empty
	}
	return made
}

// everyState is a dashboard with a panel of each kind and in each state.
func everyState() ([]dashboards.Dashboard, []dashboards.Result) {
	limit := []dashboards.Threshold{{Value: 0.3, Label: "objective <300ms"}}
	hits := []dashboards.Threshold{{Value: 0.85, Label: "objective >85%", Floor: true}}
	query := func(legend string) []dashboards.Query {
		return []dashboards.Query{{Expr: `sum by (pod) (x{a="<b>"})`, Legend: legend}}
	}
	board := dashboards.Dashboard{UID: "states", Title: "Every <state>", Description: "Is it \"escaped\" & drawn?", Panels: []dashboards.Panel{
		{Title: "A value", Kind: dashboards.Stat, Unit: dashboards.Seconds, Queries: query("x"), Thresholds: limit},
		{Title: "A value past its floor", Kind: dashboards.Stat, Unit: dashboards.Share, Queries: query("x"), Thresholds: hits},
		{Title: "No value", Kind: dashboards.Stat, Unit: dashboards.Share, Queries: query("x"), PossiblyEmpty: "Nobody <asked>."},
		{Title: "Lines", Description: "Some <i>.", Kind: dashboards.Timeseries, Unit: dashboards.Seconds, Queries: query("{{pod}} of {{ zone }}"), Thresholds: limit},
		{Title: "Too many lines", Kind: dashboards.Timeseries, Unit: dashboards.PerSecond, Queries: query("{{pod}}"), Thresholds: []dashboards.Threshold{{Value: 1e6, Label: "far"}}},
		{Title: "Nothing but zero", Kind: dashboards.Timeseries, Unit: dashboards.Share, Queries: query("{{pod}}")},
		{Title: "Heat", Kind: dashboards.Heatmap, Unit: dashboards.Seconds, Queries: query("{{le}}"), Thresholds: limit},
		{Title: "Rows", Kind: dashboards.Table, Unit: dashboards.Count, Queries: query("replicas")},
		{Title: "Empty for a reason", Kind: dashboards.Timeseries, Unit: dashboards.Count, Queries: query("x"), PossiblyEmpty: "It isn't there."},
		{Title: "Empty", Kind: dashboards.Timeseries, Unit: dashboards.Count, Queries: query("x")},
		{Title: "Refused", Kind: dashboards.Timeseries, Unit: dashboards.Count, Queries: query("x")},
		{Title: "Not asked", Kind: dashboards.Timeseries, Unit: dashboards.Count, Queries: query("x")},
	}}
	var many []dashboards.Series
	for i := range 11 {
		many = append(many, wave(map[string]string{"pod": fmt.Sprint("backend-", i)}, float64(10+i), 0, false))
	}
	evil := map[string]string{"pod": `<script>alert("x")</script>`, "zone": "a"}
	p := board.Panels
	refused := result(board, p[10], 0)
	refused.Verdict, refused.Error = dashboards.Failed, `bad_data: parse error: unexpected "<"`
	return []dashboards.Dashboard{board}, []dashboards.Result{
		result(board, p[0], 0, last(wave(nil, 0.0123, 0, false))), result(board, p[1], 0, last(wave(nil, 0.5, 0, false))), result(board, p[2], 0),
		result(board, p[3], 0, wave(evil, 0.2, 0.4, true), wave(map[string]string{"pod": "b", "zone": "a"}, 0.4, 0.1, false)),
		result(board, p[4], 0, many...), result(board, p[5], 0, wave(map[string]string{"pod": "a"}, 0, 0, false)),
		result(board, p[6], 0, buckets()...),
		result(board, p[7], 0, last(wave(map[string]string{"pod": "a<b", "pod_template_hash": "5d9"}, 2, 0, false)), last(wave(map[string]string{"pod": "c"}, 1, 0, false))),
		result(board, p[8], 0), result(board, p[9], 0), refused,
	}
}

func TestPage(t *testing.T) {
	boards, results := everyState()
	var got bytes.Buffer
	o := dashboards.Options{Dashboards: boards, Now: now, Namespace: "<shop>"}
	if err := dashboards.Page(&got, results, o); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "page.golden.html")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the page differs from its golden file (-want +got):\n%s", diff)
	}
}

func TestPageAsksNothingOfAnybody(t *testing.T) {
	boards, results := everyState()
	var page bytes.Buffer
	if err := dashboards.Page(&page, results, dashboards.Options{Dashboards: boards, Now: now}); err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"<script", "http:", "https:", "url(", "@import", "<state>", "<b>\"", "ZgotmplZ", "NaN"} {
		if strings.Contains(page.String(), no) {
			t.Errorf("the page has %q", no)
		}
	}
	for _, address := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page.String(), -1) {
		if !strings.HasPrefix(address[1], "#") && address[1] != "data:," {
			t.Errorf("the page leads to %s", address[1])
		}
	}
	for _, has := range []string{
		"It isn&#39;t there.", "Nobody &lt;asked&gt;.", "past</b> objective &gt;85%", "parse error: unexpected &#34;&lt;&#34;",
		"There should be something", "asked for it", "3 more with less are left out", "far is far above this plot", "12.3 ms",
	} {
		if !strings.Contains(page.String(), has) {
			t.Errorf("the page lacks %q", has)
		}
	}
	// A line has a gap where there were no points.
	path := regexp.MustCompile(`class="line c1" d="([^"]*)"`).FindStringSubmatch(page.String())
	if path == nil || strings.Count(path[1], "M") != 2 {
		t.Errorf("the first line is %v", path)
	}
}

// sample makes up data that fit a panel's unit, for all dashboards.
func sample(boards []dashboards.Dashboard) []dashboards.Result {
	values := map[string][]string{
		"http_request_method": {"GET", "GET", "GET", "POST"}, "http_route": {"/api/v1/products", "/api/v1/products/:id", "/api/v1/products/search", "/api/v1/orders"},
		"pod":     {"backend-5d9c7b6f4-x2x9k", "backend-5d9c7b6f4-q8d4z", "backend-7f88d6c9b-mm2lp"},
		"version": {"0.1.0", "0.2.0"}, "pod_template_hash": {"5d9c7b6f4", "7f88d6c9b"}, "job": {"backend", "backend-worker"},
		"db_system_name": {"postgresql", "redis"}, "db_operation_name": {"SELECT", "GET"}, "db_client_connection_pool_name": {"postgresql", "redis"},
		"state": {"available", "running", "retryable", "scheduled"}, "result": {"hit", "hit", "miss"}, "tier": {"local", "redis", "store"},
		"lane": {"point", "query", "change", "admin"}, "http_response_status_code": {"200", "201", "404", "429"},
		"messaging_destination_name": {"order-reserve", "order-confirm"}, "outcome": {"worked", "worked"},
	}
	middles := map[dashboards.Unit]float64{
		dashboards.Seconds: 0.021, dashboards.Share: 0.002, dashboards.PerSecond: 74, dashboards.Bytes: 61 << 20, dashboards.Count: 12, dashboards.Cores: 0.18, dashboards.Multiple: 0.7,
	}
	label := regexp.MustCompile(`{{(\w+)}}`)
	var all []dashboards.Result
	for _, board := range boards {
		for _, panel := range board.Panels {
			for i, query := range panel.Queries {
				middle := middles[panel.Unit]
				for _, limit := range panel.Thresholds {
					if limit.Floor {
						middle = 0.93
					}
				}
				var data []dashboards.Series
				switch {
				case panel.PossiblyEmpty != "" && !strings.Contains(panel.Title, "Bad events"):
				case panel.Kind == dashboards.Heatmap:
					data = buckets()
				default:
					names := label.FindAllStringSubmatch(query.Legend, -1)
					if panel.Kind == dashboards.Table {
						names = [][]string{{"", "version"}, {"", "pod_template_hash"}}
					}
					many := 1
					for _, name := range names {
						many = max(many, len(values[name[1]]))
					}
					for n := range many {
						labels := map[string]string{}
						for _, name := range names {
							if of := values[name[1]]; of != nil {
								labels[name[1]] = of[n%len(of)]
							}
						}
						one := wave(labels, middle/float64(n+1)*float64(i+1), 0.3, false)
						if panel.Thresholds != nil && panel.Thresholds[0].Floor {
							one = wave(labels, middle-float64(n)/20, 0.02, false)
						}
						if panel.Kind.Instant() {
							one = last(one)
						}
						data = append(data, one)
					}
				}
				all = append(all, result(board, panel, i, data...))
			}
		}
	}
	return all
}

func TestPageOfAllDashboards(t *testing.T) {
	boards := dashboards.All(objectives(t))
	var page bytes.Buffer
	if err := dashboards.Page(&page, sample(boards), dashboards.Options{Dashboards: boards, Now: now}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "There should be something") || strings.Contains(page.String(), "(no labels)") {
		t.Error("panels are empty or have nameless lines")
	}
	if *look != "" {
		if err := os.WriteFile(*look, page.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALimitIsOfItsOwnQuantile(t *testing.T) {
	panel := dashboards.Panel{
		Title: "Latency", Kind: dashboards.Timeseries, Unit: dashboards.Seconds, Queries: []dashboards.Query{{Expr: "a", Legend: "p95"}, {Expr: "b", Legend: "p99"}},
		Thresholds: []dashboards.Threshold{{Value: 0.3, Label: "objective <300ms at p95", Legend: "p95"}},
	}
	board := dashboards.Dashboard{UID: "a", Title: "A", Panels: []dashboards.Panel{panel}}
	for p95, past := range map[float64]bool{0.2: false, 0.31: true} {
		var page bytes.Buffer
		results := []dashboards.Result{result(board, panel, 0, wave(nil, p95, 0, false)), result(board, panel, 1, wave(nil, 0.9, 0, false))}
		if err := dashboards.Page(&page, results, dashboards.Options{Dashboards: []dashboards.Dashboard{board}, Now: now}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page.String(), "past objective") != past {
			t.Errorf("a p95 of %v is past its limit: %v", p95, !past)
		}
	}
}
