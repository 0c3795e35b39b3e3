package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/terminal"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run with -update if it is meant):\n%s", path, diff)
	}
}

func phase(name string, status flow.Status, start, seconds, budget float64, detail string) flow.PhaseResult {
	step := flow.StepResult{Name: name + "/all", Status: status, StartSeconds: start, Seconds: seconds, BudgetSeconds: budget, Detail: detail}
	return flow.PhaseResult{Name: name, Status: status, Seconds: seconds, BudgetSeconds: budget, Steps: []flow.StepResult{step}}
}

func passed() *Document {
	d := New(flow.Result{
		Run: "01JGK7Z8Q5WJ4R0000000000AB", Env: "local", Command: "up", Status: flow.Passed,
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 41.2, BudgetSeconds: 3600, WithinBudget: true,
		Phases: []flow.PhaseResult{
			phase("preflight", flow.Passed, 0, 0.3, 10, "linux/amd64"),
			phase("provision", flow.Passed, 0.3, 2.9, 60, "1 node ready"),
			phase("deploy", flow.Passed, 3.2, 6.9, 5, ""),
			phase("smoke", flow.Passed, 10.1, 1.1, 30, ""),
			phase("canary", flow.Skipped, 0, 0, 0, "left out by --skip"),
			phase("verify", flow.Passed, 11.2, 30, 600, ""),
		},
		CriticalPath: []string{"preflight/all", "provision/all", "deploy/all", "smoke/all", "verify/all"},
	}, nil)
	d.SLO = []slo.Result{
		{Name: "latency-p95", Objective: "<300ms", Observed: 12.4, Unit: "ms", Samples: 9000, Verdict: slo.Met},
		{Name: "availability", Objective: ">=99.9%", Observed: 100, Unit: "%", Samples: 9000, Verdict: slo.Met},
	}
	d.Endpoints = map[string]string{"prometheus": "http://127.0.0.1:9090", "app": "http://127.0.0.1:8080"}
	return d
}

func documents() map[string]*Document {
	failed := passed()
	failed.Status, failed.SLO, failed.Endpoints, failed.Seconds = flow.Failed, nil, nil, 10.1
	failed.Phases = append(failed.Phases[:2:2], phase("deploy", flow.Failed, 3.2, 6.9, 60, "boom"), phase("smoke", flow.Skipped, 0, 0, 30, "needs deploy/all, which failed"))
	failed.CriticalPath = failed.CriticalPath[:3]
	failed.Error = fault.From(fault.New(fault.StepTimeout, "step", "deploy/all", "deadline", "5 m", "waiting", "deployment backend: 2 of 3 pods ready (for 4 m 51 s)", "fix", "look at `pocctl logs backend`"))

	violated := passed()
	violated.Env, violated.Status = "staging", flow.Failed
	violated.SLO = []slo.Result{
		{Name: "latency-p95", Objective: "<300ms", Observed: 412.125, Unit: "ms", Samples: 1234567, Verdict: slo.Violated, Reason: "p95 over the limit in 3 of 3 windows"},
		{Name: "cache-hit", Objective: ">=80%", Observed: math.NaN(), Unit: "%", Samples: 0, Verdict: slo.Insufficient, Reason: "no samples"},
	}
	violated.Error = fault.From(slo.Judge(violated.SLO, 30*time.Second))
	violated.Canary = &Canary{From: "1.0.0", To: "1.1.0", Verdict: "rolled-back"}

	back := passed()
	back.Command, back.Status, back.SLO = "canary", flow.Failed, nil
	back.Canary = &Canary{
		From: "1.0.0 (68c9586468)", To: "1.1.0 (79c4758f46)", Verdict: "rolled-back", Weight: 10, Requests: 106, Seconds: 12.5,
		Reason: "6.6% of 106 requests failed, the stable version 0% of 916; limit 1%",
		Findings: []canary.Finding{
			{Name: canary.ErrorRate, Canary: 6.6, Stable: math.NaN(), Limit: 1, Unit: "%", Samples: 106, Verdict: canary.Fail, Reason: "6.6%"},
			{Name: canary.LatencyAgainstStable, Canary: 4.7, Stable: 4.1, Limit: 24.1, Unit: "ms", Samples: 1106, PValue: 1, Verdict: canary.Pass, Reason: "p99 is 4.7 ms"},
			{Name: canary.MemoryGrowth, Canary: 400_000, Stable: 330_000, Unit: "bytes/s", Samples: 1, PValue: 1, Verdict: canary.Warn},
			{Name: canary.Latency, Unit: "%", Verdict: canary.NoData, PValue: 1},
		},
	}
	back.Error = fault.From(fault.New(fault.CanaryRolledBack, "release", "backend", "detail", back.Canary.Reason, "next", "pocctl logs backend"))

	late := passed()
	late.Seconds, late.WithinBudget = 3912, false

	interrupted := passed()
	interrupted.Status, interrupted.SLO, interrupted.Endpoints = flow.Interrupted, nil, nil
	interrupted.Error = fault.From(fault.New(fault.Interrupted, "step", "verify/all"))

	refused := New(flow.Result{Env: "local", Command: "up", Status: flow.Failed, WithinBudget: true}, errors.New("step a/b: named twice"))
	return map[string]*Document{"passed": passed(), "failed": failed, "violated": violated, "back": back, "late": late, "interrupted": interrupted, "refused": refused}
}

func TestText(t *testing.T) {
	for name, d := range documents() {
		for _, width := range []int{40, 80, 200} {
			t.Run(fmt.Sprintf("%s-%d", name, width), func(t *testing.T) {
				var text bytes.Buffer
				if err := d.Text(&text, Look{Width: width, ShowError: name == "failed"}); err != nil {
					t.Fatal(err)
				}
				golden(t, fmt.Sprintf("%s-%d.txt", name, width), text.String())
				var painted bytes.Buffer
				if err := d.Text(&painted, Look{Width: width, ShowError: name == "failed", Styles: terminal.NewStyles(true)}); err != nil {
					t.Fatal(err)
				}
				if got := ansi.Strip(painted.String()); got != text.String() {
					t.Errorf("painting changed the text:\n%s", cmp.Diff(text.String(), got))
				}
			})
		}
	}
}

func TestJSON(t *testing.T) {
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := d.JSON(&text); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", text.String())
		})
	}
}

func TestJSONFieldsInTheContractsOrder(t *testing.T) {
	var text bytes.Buffer
	if err := passed().JSON(&text); err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(&text)
	var fields []string
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		switch delimiter, is := token.(json.Delim); {
		case is && (delimiter == '{' || delimiter == '['):
			depth++
		case is:
			depth--
		case depth == 1:
			fields = append(fields, fmt.Sprint(token))
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := "schema run env command status started seconds budgetSeconds withinBudget phases criticalPath slo canary endpoints error"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("fields %s\nwant   %s", got, want)
	}
}

func TestSaveAndLatest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if none, err := Latest(dir); none != nil || err != nil {
		t.Errorf("latest of nothing: %v, %v", none, err)
	}
	older, newer := documents()["failed"], passed()
	newer.Run = "01JGK7Z8Q5WJ4R0000000000AC"
	for _, d := range []*Document{newer, older, documents()["refused"]} {
		if err := d.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Latest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newer, got, cmpopts.IgnoreUnexported(fault.Error{})); diff != "" {
		t.Error(diff)
	}
	again, err := Read(dir, older.Run)
	if err != nil || again.Error == nil || again.Error.Code != fault.StepTimeout {
		t.Errorf("document %+v, error %v", again, err)
	}
	entries, err := os.ReadDir(flow.RunsDir(dir))
	if err != nil || len(entries) != 2 {
		t.Errorf("files %v, error %v; want two", entries, err)
	}
}

func TestSaveWhereItCannot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := passed().Save(file); err == nil || !strings.HasPrefix(err.Error(), "save report: ") {
		t.Errorf("error %v", err)
	}
}
