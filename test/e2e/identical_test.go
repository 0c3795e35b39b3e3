//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestIdenticalBuilds ships the same version again and again: it is let through every
// time. One weight instead of four, and no watch on memory, which takes half a minute,
// leave the verdict's tests as they are.
func TestIdenticalBuilds(t *testing.T) {
	const builds = 20
	box := harness.New(t)
	text, err := os.ReadFile("../../config/environments/local.yaml")
	if err != nil {
		t.Fatal(err)
	}
	content := string(text)
	for old, fresh := range map[string]string{
		"weights: [10, 25, 50, 75]": "weights: [50]",
		"stepSeconds: 10":           "stepSeconds: 8",
		"  rate: 150 # ":            "  rate: 300\n  memoryGrowth: 0 # ",
	} {
		if strings.Count(content, old) != 1 {
			t.Fatalf("local.yaml has %q %d times", old, strings.Count(content, old))
		}
		content = strings.Replace(content, old, fresh, 1)
	}
	box.Env = box.Write("local.yaml", content)
	box.Must(box.Pocctl("up", "--skip", "canary,verify", "-o", "json"))
	for build := range builds {
		result := box.Pocctl("canary", "--set", fmt.Sprintf("podAnnotations.build=number-%d", build+1), "-o", "json")
		run := parse(t, result.Stdout)
		if result.Exit != 0 || run.Canary == nil || run.Canary.Verdict != "promoted" || run.Canary.Requests < 100 {
			t.Fatalf("build %d: exit %d, error %+v, canary %+v\n%s", build+1, result.Exit, run.Error, run.Canary, result.Stderr)
		}
		t.Logf("build %d: %d requests, %.0f s", build+1, run.Canary.Requests, result.Seconds)
	}
}
