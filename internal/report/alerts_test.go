package report

import (
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/alerts"
)

func drilled() *Document {
	d := New(flow.Result{Run: "01JGK7Z8Q5WJ4R0000000000AB", Env: "local", Command: "verify", Status: flow.Failed, Seconds: 202},
		fault.New(fault.AlertsUnproved, "wanting", 1, "drills", 2, "list", "cache off, CacheHitLow: silent.", "rules", "curl", "logs", "pocctl logs"))
	fired, over := 19.9, 15.0
	d.Alerts = []alerts.Outcome{
		{Drill: "slow answers", Alert: "LatencyHigh", Severity: "page", Verdict: alerts.Proved, Factor: "20", FiredSeconds: &fired, ResolvedSeconds: &over},
		{Drill: "cache off", Alert: "CacheHitLow", Verdict: alerts.Silent, Detail: "nobody was told"},
	}
	return d
}

func TestAlerts(t *testing.T) {
	for width, want := range map[int]string{
		80: `  BROKEN ON PURPOSE  ALERT        TOLD AFTER  OVER AFTER  VERDICT
  ✓ slow answers     LatencyHigh      19.9 s      15.0 s  proved
  ✗ cache off        CacheHitLow           –           –  silent
`,
		40: `  ✓ slow answers: LatencyHigh
    proved, told after 19.9 s, over after 15.0 s
  ✗ cache off: CacheHitLow
    silent, told after –, over after –
`,
	} {
		var text strings.Builder
		if err := drilled().Text(&text, Look{Width: width}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), want) || !strings.Contains(strings.Join(strings.Fields(text.String()), " "), "not every alert is proved") {
			t.Errorf("%d columns:\n%s\nlack\n%s", width, text.String(), want)
		}
	}
}

func TestAlertsDocument(t *testing.T) {
	with, err := drilled().MarshalJSON()
	if err != nil || !strings.Contains(string(with), `"alerts":[{"drill":"slow answers","alert":"LatencyHigh","severity":"page","verdict":"proved","factor":"20","firedSeconds":19.9,"resolvedSeconds":15},{"drill":"cache off","alert":"CacheHitLow","verdict":"silent","detail":"nobody was told"}]`) {
		t.Errorf("%v: %s", err, with)
	}
	if without, err := passed().MarshalJSON(); err != nil || strings.Contains(string(without), `"alerts":`) {
		t.Errorf("%v: %s", err, without)
	}
}

func TestAlertsAreOnThePageAndInJUnit(t *testing.T) {
	for _, want := range []string{`<th scope="row">cache off<span class="reason">nobody was told</span></th>`, ` silent</span>`, "<td>19.9 s</td><td>15.0 s</td>"} {
		if page := pageOf(t, drilled(), nil); !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page := pageOf(t, passed(), nil); strings.Contains(page, "alerts-title") {
		t.Error("there are alerts that were not asked for")
	}
	var text strings.Builder
	if err := drilled().JUnit(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "drilled.xml", text.String())
	if problem := againstSchema(text.String()); problem != "" {
		t.Error(problem)
	}
}
