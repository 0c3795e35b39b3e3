package k6

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/verify/load"
)

// The scripts of the source tree are those of the loads that there are.
func TestScriptsAreUpToDate(t *testing.T) {
	const folder = "../../../test/perf/k6"
	want, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if _, known := want[filepath.Base(file)]; !known {
			t.Errorf("%s is of no load that there is", file)
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("%s is stale, run make generate (-want +got):\n%s", name, diff)
		}
	}
}

func TestThresholdsAreTheObjectives(t *testing.T) {
	scripts, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"dropped_iterations": ["count==0"]`, `"http_req_duration{measured:yes}": ["p(95)<300"]`,
		`"answered_well{measured:yes}": ["rate>0.99"]`, `"available{measured:yes}": ["rate>=0.999"]`, `"cache_hit{measured:yes}": ["rate>0.85"]`,
	} {
		if !strings.Contains(string(scripts["steady.js"]), want) {
			t.Errorf("steady.js lacks %s", want)
		}
	}
}

func TestFilled(t *testing.T) {
	names := []string{"target", "run"}
	for text, want := range map[string]string{
		"":                        `""`,
		"/products":               `"/products"`,
		"/products/{target}":      `"/products/" + as.path(values.target)`,
		"{run}{other}{target}":    `as.path(values.run) + "{other}" + as.path(values.target)`,
		`a"b'c` + "`${x}\\<{run}": `"a\"b'c` + "`${x}\\\\<\"" + ` + as.path(values.run)`,
	} {
		if got := filled(text, "path", names); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}

func TestStages(t *testing.T) {
	text, err := Script(Options{
		Name: "own", Scenario: load.Scenario{Operations: []load.Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/", Expect: []int{200, 404}}}},
		Stages: []load.Stage{
			{Name: "warm up", Rate: 300, Climb: true, Duration: 5 * time.Second, Warmup: true},
			{Name: "fall", From: 300, Rate: 100, Climb: true, Duration: 90 * time.Second}, {Name: "level", Rate: 100, Duration: time.Minute},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		`"1_warm_up": { executor: 'ramping-arrival-rate', startTime: "0s", startRate: 0, timeUnit: '1s', stages: [{ target: 300, duration: "5s" }], preAllocatedVUs: 60, maxVUs: 1500,`,
		`"2_fall": { executor: 'ramping-arrival-rate', startTime: "5s", startRate: 300, timeUnit: '1s', stages: [{ target: 100, duration: "1m30s" }],`,
		`"3_level": { executor: 'constant-arrival-rate', startTime: "1m35s", rate: 100, timeUnit: '1s', duration: "1m0s",`,
		"http.expectedStatuses(200, 404)",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("it lacks %s", want)
		}
	}
	if slices.Contains(strings.Fields(string(text)), "teardown(data)") {
		t.Error("it removes what it does not make")
	}
	if _, err := Script(Options{Name: "own", Stages: []load.Stage{{Rate: 0.5, Duration: time.Second}}}); err == nil {
		t.Error("half a request a second was written")
	}
}
