package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
)

func TestReportIsWrittenAsFiles(t *testing.T) {
	alone(t)
	state := filepath.Join(os.Getenv("XDG_STATE_HOME"), "pocctl", "local")
	document := report.New(flow.Result{
		Run: "01JGK7Z8Q5WJ4R0000000000AB", Env: "local", Command: "up", Status: flow.Passed, Started: time.Unix(0, 0), Seconds: 3,
		Phases: []flow.PhaseResult{{Name: "smoke", Status: flow.Passed, Seconds: 2}},
	}, nil)
	if err := document.Save(state); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	page, cases := filepath.Join(folder, "page.html"), filepath.Join(folder, "cases.xml")
	stdout, stderr, code := typed(t, "report", "--html", page, "--junit", cases)
	if code != 0 || !strings.Contains(stdout, "done in") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	for file, want := range map[string]string{page: "<!doctype html>", cases: `<testcase classname="pocctl.up.phases" name="smoke"`} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, %.200s", file, err, text)
		}
	}
	for _, args := range [][]string{{"--html", folder}, {"--junit", filepath.Join(folder, "none", "x.xml")}, {"--html", page, "--list"}} {
		if _, stderr, code := typed(t, append([]string{"report"}, args...)...); code != 2 {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
