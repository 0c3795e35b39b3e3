//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestOneStepCanaries ships what is to be let through every time, and what nothing can be
// said of. One short step instead of four, and no watch on memory, which takes half a
// minute, leave the verdict's tests as they are.
func TestOneStepCanaries(t *testing.T) {
	box := harness.New(t)
	box.Env = box.Write("local.yaml", oneStep(t))
	box.Must(box.Pocctl("up", "--skip", "canary,verify", "-o", "json"))
	promoted := func(t *testing.T, set string) {
		t.Helper()
		result := box.For(t).Pocctl("canary", "--set", set, "-o", "json")
		run := parse(t, result.Stdout)
		if result.Exit != 0 || run.Canary == nil || run.Canary.Verdict != "promoted" || run.Canary.Requests < 100 {
			t.Fatalf("%s: exit %d, error %+v, canary %+v\n%s", set, result.Exit, run.Error, run.Canary, result.Stderr)
		}
		t.Logf("%s: %d requests, %.0f s", set, run.Canary.Requests, result.Seconds)
	}

	t.Run("identical builds, twenty of twenty", func(t *testing.T) {
		for build := range 20 {
			promoted(t, fmt.Sprintf("podAnnotations.build=number-%d", build+1))
		}
	})

	t.Run("a faster one", func(t *testing.T) {
		// 15 ms more are too little to matter; the one after is faster by as much.
		for _, latency := range []string{"15ms", "0s"} {
			promoted(t, "config.extra.POCCTL_FAULT_LATENCY="+latency)
		}
	})

	t.Run("one sample", func(t *testing.T) {
		box := box.For(t)
		stable := func() string {
			return box.Must(box.Kubectl("get", "-n", "pocctl", "rollouts.argoproj.io/backend", "-o", "jsonpath={.status.stableRS} {.status.phase}"))
		}
		before := stable()
		run := begin(t, box, "canary", "--no-load", "-o", "json")
		run.sees("50% of the requests; its figures begin to count")
		askCanary(t, box) // probes of the ingress may be others
		run.sees("a verdict takes 100 requests")
		result := run.end()
		if ended := parse(t, result.Stdout); result.Exit != 4 || ended.Error == nil || ended.Error.Code != "canary-unmeasured" || !strings.Contains(ended.Error.Message, "a verdict takes 100 requests") {
			t.Fatalf("exit %d, error %+v\n%s", result.Exit, ended.Error, result.Stderr)
		}
		if after := stable(); after != before {
			t.Errorf("stable is %s, was %s", after, before)
		}
	})
}

// oneStep is the local environment with canaries that have one short step.
func oneStep(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../config/environments/local.yaml")
	if err != nil {
		t.Fatal(err)
	}
	content := string(text)
	for old, fresh := range map[string]string{
		"weights: [10, 25, 50, 75]": "weights: [50]",
		"stepSeconds: 10":           "stepSeconds: 6",
		"  rate: 150 # ":            "  rate: 300\n  memoryGrowth: 0 # ",
	} {
		if strings.Count(content, old) != 1 {
			t.Fatalf("local.yaml has %q %d times", old, strings.Count(content, old))
		}
		content = strings.Replace(content, old, fresh, 1)
	}
	return content
}
