package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

func checked() *Document {
	one := func(dashboard, panel string, verdict dashboards.Verdict, why string) dashboards.Result {
		return dashboards.Result{Dashboard: dashboard, Panel: panel, Expr: "x", Verdict: verdict, PossiblyEmpty: why}
	}
	d := New(flow.Result{Run: "01JGK7Z8Q5WJ4R0000000000AB", Env: "local", Command: "verify", Status: flow.Failed, Seconds: 31},
		fault.New(fault.DashboardsBroken, "broken", 2, "panels", 6, "list", "pocctl-b, Two: no data", "fix", "send load"))
	d.Dashboards = []dashboards.Result{
		one("pocctl-a", "One", dashboards.OK, ""), one("pocctl-a", "One", dashboards.Empty, "It is quiet."),
		one("pocctl-a", "Two", dashboards.Empty, "It is quiet."),
		one("pocctl-b", "One", dashboards.OK, ""),
		one("pocctl-b", "Two", dashboards.OK, ""), one("pocctl-b", "Two", dashboards.Empty, ""),
		one("pocctl-b", "Three", dashboards.Failed, "It is quiet."), one("pocctl-b", "Four", dashboards.OK, ""),
	}
	return d
}

func TestDashboards(t *testing.T) {
	for width, want := range map[int]string{
		80: `  DASHBOARD   PANELS  WITH DATA  MAY BE EMPTY  BROKEN
  ✓ pocctl-a       2          1             1       0
  ✗ pocctl-b       4          2             0       2
`,
		40: `  ✓ pocctl-a
    2 panels: 1 with data, 1 may be
    empty, 0 broken
  ✗ pocctl-b
    4 panels: 2 with data, 0 may be
    empty, 2 broken
`,
	} {
		var text strings.Builder
		if err := checked().Text(&text, Look{Width: width}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), want) || strings.Contains(text.String(), "go on where it stopped") {
			t.Errorf("%d columns:\n%s\nlack\n%s", width, text.String(), want)
		}
	}
}

func TestDashboardsDocument(t *testing.T) {
	with, err := checked().MarshalJSON()
	if err != nil || !strings.Contains(string(with), `"dashboards":[{"dashboard":"pocctl-a","panel":"One","query":0,"expr":"x","verdict":"ok","series":0,`) {
		t.Errorf("%v: %s", err, with)
	}
	without, err := passed().MarshalJSON()
	if err != nil || strings.Contains(string(without), `"dashboards":`) {
		t.Errorf("a run that asked for none: %v: %s", err, without)
	}
	folder := t.TempDir()
	if err := checked().Save(folder); err != nil {
		t.Fatal(err)
	}
	read, err := Latest(folder)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(checked().Dashboards, read.Dashboards); diff != "" {
		t.Errorf("kept and read again: -want +got\n%s", diff)
	}
}
