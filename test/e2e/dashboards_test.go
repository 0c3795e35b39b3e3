package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestDashboards brings the stack up once, with load for longer than a few scrapes,
// and looks at what every panel has to say about that.
func TestDashboards(t *testing.T) {
	box := harness.New(t)
	flags := append(gently(t, box, localEnvironment(t)), "--rate", "100", "--duration", "11s")
	box.Must(measured(t, box, flags...))
	page := filepath.Join(box.Home, "page.html")

	result := box.Pocctl("verify", "--dashboards", "--page", page, "-o", "json") // by the objectives that Prometheus has rules of
	checked := parse(t, box.Must(result))
	if checked.Status != "passed" || checked.Error != nil || len(checked.SLO) > 0 {
		t.Errorf("verify --dashboards: %+v", checked)
	}
	if detail := checked.step(t, "verify/dashboards"); !strings.HasPrefix(detail, "8 dashboards, ") {
		t.Errorf("it tells %q", detail)
	}
	if !strings.Contains(result.Stderr, "the page is "+page) {
		t.Errorf("it doesn't say where the page is: %s", result.Stderr)
	}
	var document struct {
		Dashboards []struct {
			Dashboard, Panel, Expr, Verdict, PossiblyEmpty string
			Series                                         int
		}
	}
	if err := json.Unmarshal([]byte(result.Stdout), &document); err != nil {
		t.Fatal(err)
	}
	data := map[string]int{}
	for _, one := range document.Dashboards {
		switch {
		case one.Verdict == "ok" && one.Series > 0:
			data[one.Dashboard]++
		case one.Verdict != "empty" || one.PossiblyEmpty == "":
			t.Errorf("%+v", one)
		}
	}
	// Nobody has told this Prometheus how long CI takes.
	if len(data) != 7 || data["pocctl-ci"] > 0 || data["pocctl-service"] < 10 {
		t.Errorf("queries with data, by dashboard: %v", data)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(page); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the page: %v, %v", info, err)
	}
	// An address as text, for example of a probe, is fetched by nobody.
	outside := regexp.MustCompile(`<script|<link[^>]+href="[^d#]|src="|="https?:|url\(|@import`)
	if found := outside.FindString(string(html)); found != "" || !strings.Contains(string(html), "<svg") {
		t.Errorf("the page doesn't stand by itself: %q in %d bytes", found, len(html))
	}
	if text := box.Must(box.Pocctl("report")); !strings.Contains(text, "MAY BE EMPTY") {
		t.Errorf("report:\n%s", text)
	}
	t.Run("everything is scraped", func(t *testing.T) { everythingIsScraped(t, box) })
	t.Run("alerts come and go", func(t *testing.T) { alertsComeAndGo(t, box) })
}

// alertsComeAndGo breaks things, and looks at the inbox as people do.
func alertsComeAndGo(t *testing.T, box *harness.Sandbox) {
	result := box.Pocctl("verify", "--alerts", "-o", "json")
	var document struct {
		Endpoints map[string]string
		Alerts    []struct {
			Drill, Alert, Severity, Verdict, Factor, Detail string
			FiredSeconds, ResolvedSeconds                   float64
		}
	}
	if err := json.Unmarshal([]byte(box.Must(result)), &document); err != nil {
		t.Fatal(err)
	}
	proved := map[string]string{}
	for _, one := range document.Alerts {
		if one.Verdict != "proved" || one.Factor != "20" || one.FiredSeconds <= 0 || one.ResolvedSeconds <= 0 {
			t.Errorf("%+v", one)
		}
		proved[one.Alert] = one.Severity
	}
	want := map[string]string{
		"LatencyHigh": "page", "ErrorRateHigh": "page", "ProbeFailed": "page", "AvailabilityBurnPage": "page",
		"CacheHitLow": "ticket", "DatabaseConnectionsHigh": "ticket",
	}
	if !maps.Equal(proved, want) {
		t.Errorf("proved: %v", proved)
	}
	response, err := http.Get(document.Endpoints["alerts"])
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the inbox answers %s: %v", response.Status, err)
	}
	for name := range want {
		if !strings.Contains(string(page), "<h2>"+name+"</h2>") {
			t.Errorf("the inbox doesn't show %s", name)
		}
	}
	// No fault is left behind.
	if flags := box.Must(box.Pocctl("smoke")); !strings.Contains(flags, "smoke") {
		t.Errorf("smoke:\n%s", flags)
	}
}
