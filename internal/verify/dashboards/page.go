package dashboards

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/plot"
)

//go:embed page.html
var pageHTML string

//go:embed boards.html
var boardsHTML string

// page is what the template shows.
type page struct {
	Style          template.CSS
	Until          string
	Range          string
	Namespace, Job string
	Panels         int // all of them
	Silent, Wrong  int // without data for a reason; without one, or failed
	Over           int // over a limit now
	Boards         []board
}

// board is a dashboard.
type board struct {
	UID, Title, Description string
	Wrong, Over             int
	Stats, Cards            []card
}

// card is a panel.
type card struct {
	Title, Description, Unit string
	Queries                  []string
	// One of these, or nothing.
	Chart *plot.Chart
	Value *value
	Table *table
	// Empty and Failed say why there is none of them.
	Empty, Failed string
	// Reason says that Empty is the panel's own reason, and nothing is wrong.
	Reason bool
	// Over names the limits that are broken now.
	Over []string
}

// value is what a number is now.
type value struct {
	Text, Limit string
	Over        bool
}

// table is values with their labels.
type table struct {
	Heads []string
	Rows  [][]string
}

// Page writes results as one page that stands by itself: HTML with its style and
// pictures, without scripts, that asks nothing of anybody. It shows o.Dashboards;
// panels without a result are shown as not asked for.
func Page(w io.Writer, results []Result, o Options) error {
	return pageOf(results, o).write(w, pageHTML)
}

// Part is the dashboards as a part of a page of somebody else's.
type Part struct {
	// HTML has a section for each of Links.
	HTML  template.HTML
	Links []Link
	// Panels counts all, Wrong those without the data they need, and Over those that
	// are past a limit.
	Panels, Wrong, Over int
}

// Link is a section's id and title. It is Marked if something is wrong there.
type Link struct {
	ID, Title string
	Marked    bool
}

// Draw draws results as Page does, for a page that has the style of plot.
func Draw(results []Result, o Options) (Part, error) {
	shown := pageOf(results, o)
	var text strings.Builder
	if err := shown.write(&text, `{{template "boards" .}}`); err != nil {
		return Part{}, err
	}
	made := Part{
		HTML:   template.HTML(text.String()), //nolint:gosec // escaped by its template
		Panels: shown.Panels, Wrong: shown.Wrong, Over: shown.Over,
	}
	for _, board := range shown.Boards {
		made.Links = append(made.Links, Link{board.UID, board.Title, board.Wrong > 0 || board.Over > 0})
	}
	return made, nil
}

func (p page) write(w io.Writer, whole string) error {
	made, err := template.New("page").Parse(plot.Templates() + boardsHTML + whole)
	if err != nil {
		return fmt.Errorf("write page of dashboards: %w", err)
	}
	if err := made.Execute(w, p); err != nil {
		return fmt.Errorf("write page of dashboards: %w", err)
	}
	return nil
}

func pageOf(results []Result, o Options) page {
	o = o.filled()
	shown := page{
		Style: plot.Style(),
		Range: Seconds.Format(o.Range.Seconds()), Namespace: o.Namespace, Job: o.Job,
	}
	until := o.Now()
	if len(results) > 0 {
		until = results[0].At
	}
	shown.Until = until.UTC().Format("2 January 2006, 15:04:05 UTC")
	for _, dashboard := range o.Dashboards {
		made := board{UID: dashboard.UID, Title: dashboard.Title, Description: dashboard.Description}
		for _, panel := range dashboard.Panels {
			one := panelCard(panel, belonging(results, dashboard, panel), o)
			shown.Panels++
			switch {
			case one.Failed != "", one.Empty != "" && !one.Reason:
				made.Wrong++
			case one.Empty != "":
				shown.Silent++
			}
			if len(one.Over) > 0 {
				made.Over++
			}
			if panel.Kind == Stat {
				made.Stats = append(made.Stats, one)
			} else {
				made.Cards = append(made.Cards, one)
			}
		}
		shown.Wrong += made.Wrong
		shown.Over += made.Over
		shown.Boards = append(shown.Boards, made)
	}
	return shown
}

func belonging(results []Result, dashboard Dashboard, panel Panel) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool {
		return r.Dashboard != dashboard.UID || r.Panel != panel.Title || r.Query < 0 || r.Query >= len(panel.Queries)
	})
}

func panelCard(panel Panel, results []Result, o Options) card {
	made := card{Title: panel.Title, Description: panel.Description, Unit: string(panel.Unit)}
	for _, result := range results {
		made.Queries = append(made.Queries, result.Expr)
		if result.Verdict == Failed && made.Failed == "" {
			made.Failed = result.Error
		}
		made.Over = append(made.Over, broken(panel, result)...)
	}
	slices.Sort(made.Over)
	made.Over = slices.Compact(made.Over)
	if made.Failed != "" {
		return made
	}
	if len(results) == 0 {
		made.Empty = "Prometheus wasn't asked for it."
		return made
	}
	has := false
	switch panel.Kind {
	case Stat:
		made.Value, has = statOf(panel, results[0])
	case Table:
		made.Table, has = tableOf(panel, results[0])
	case Heatmap:
		var drawn plot.Chart
		drawn, has = heatmapOf(panel, results[0], o)
		made.Chart = &drawn
	case Timeseries:
		var drawn plot.Chart
		drawn, has = lineChart(panel, results, o)
		made.Chart = &drawn
	}
	if !has {
		made.Chart, made.Table = nil, nil
		made.Empty, made.Reason = panel.PossiblyEmpty, panel.PossiblyEmpty != ""
		if !made.Reason {
			made.Empty = "Prometheus answers, but has nothing for this query in this time. There should be something: is the service scraped, and is it used?"
		}
	}
	return made
}

// broken names the limits that the last values are on the wrong side of.
func broken(panel Panel, result Result) []string {
	var all []string
	for _, series := range result.Data {
		if len(series.Points) == 0 || series.Labels["le"] != "" {
			continue
		}
		last := series.Points[len(series.Points)-1]
		for _, limit := range panel.Thresholds {
			if limit.Legend != "" && limit.Legend != panel.Queries[result.Query].Legend {
				continue
			}
			if plot.Finite(last.Value) && !last.At.Before(result.At.Add(-time.Minute)) && limit.Broken(last.Value) {
				all = append(all, limit.Label)
			}
		}
	}
	return all
}

func statOf(panel Panel, result Result) (*value, bool) {
	for _, series := range result.Data {
		if !series.hasNumber() {
			continue
		}
		now := series.Points[len(series.Points)-1].Value
		made := &value{Text: panel.Unit.Format(now)}
		for _, limit := range panel.Thresholds {
			if !made.Over {
				made.Limit, made.Over = limit.Label, limit.Broken(now)
			}
		}
		return made, true
	}
	return nil, false
}

// tableOf has a column for each label that any row has.
func tableOf(panel Panel, result Result) (*table, bool) {
	labels := map[string]bool{}
	for _, series := range result.Data {
		for name := range series.Labels {
			labels[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(labels))
	made := &table{}
	for _, name := range names {
		made.Heads = append(made.Heads, strings.ReplaceAll(name, "_", " "))
	}
	made.Heads = append(made.Heads, panel.Queries[0].Legend)
	for _, series := range result.Data {
		if !series.hasNumber() {
			continue
		}
		var row []string
		for _, name := range names {
			row = append(row, series.Labels[name])
		}
		made.Rows = append(made.Rows, append(row, panel.Unit.Format(series.Points[len(series.Points)-1].Value)))
	}
	return made, len(made.Rows) > 0
}
