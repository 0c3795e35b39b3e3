package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestObjectivesOfTheRepository(t *testing.T) {
	source, err := OpenSource("../..")
	if err != nil {
		t.Fatal(err)
	}
	objectives, err := source.Objectives()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, objective := range objectives.From(FromLoad) {
		got[objective.Name] = objective.Limit.String()
	}
	want := map[string]string{"latency-p95": "<300ms", "error-rate": "<1%", "availability": ">=99.9%", "cache-hit": ">85%"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objectives of the load (-want +got):\n%s", diff)
	}
	if all, load := len(objectives), len(objectives.From(FromLoad)); all != 7 || load != 4 {
		t.Errorf("%d objectives, %d of them of the load; want 7 and 4", all, load)
	}
}

func TestReadObjectivesRefuses(t *testing.T) {
	const head = "objectives:\n  - name: a\n    indicator: "
	for name, test := range map[string]struct{ data, message, fix string }{
		"nothing":          {"", "objectives is empty", "at least one"},
		"an unknown key":   {head + "error-rate\n    limit: x\n", "line 4: objectives[0].limit is not a known key", "remove"},
		"a wrong type":     {"objectives: 3\n", "line 1: objectives is \"3\"; a list is wanted", "list"},
		"no name":          {"objectives:\n  - indicator: latency\n", "line 2: objectives[0].name is \"\"", "latency-p95"},
		"no indicator":     {"objectives:\n  - name: a\n", "objectives[0].indicator is \"\"", "use one of latency, error-rate"},
		"another's source": {head + "error-rate\n    source: metrics\n    target: <1%\n", "line 4: objectives[0].source is \"metrics\"", "source: load"},
		"no target":        {head + "error-rate\n", "objectives[0].target \"\" is no limit", `"<85%"`},
		"a wrong unit":     {head + "latency\n    quantile: 0.5\n    target: <3%\n", "\"<3%\" does not fit latency", `"<300ms"`},
		"the wrong way":    {head + "availability\n    target: <99%\n", "\"<99%\" does not fit availability", `">=85%"`},
		"an idle limit":    {head + "availability\n    target: \">=100%\"\n", "leaves nothing to measure", `">=85%"`},
		"no quantile":      {head + "latency\n    target: <3ms\n", "objectives[0].quantile is 0", "0.95"},
		"a stray quantile": {head + "error-rate\n    quantile: 0.5\n    target: <3%\n", "line 4: objectives[0].quantile does not fit", "remove"},
		"a name twice":     {head + "error-rate\n    target: <1%\n  - name: a\n    indicator: latency\n", "line 5: objectives[1].name a is used twice", "of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadObjectives("slo.yaml", []byte(test.data))
			refused := fault.From(err)
			if refused == nil || refused.Code != fault.ConfigInvalid {
				t.Fatalf("got %v, want %s", err, fault.ConfigInvalid)
			}
			if !strings.Contains(refused.Message, test.message) {
				t.Errorf("message %q lacks %q", refused.Message, test.message)
			}
			if !strings.Contains(refused.Fix, test.fix) {
				t.Errorf("fix %q lacks %q", refused.Fix, test.fix)
			}
		})
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, seed := range []string{"<300ms", ">= 99.9%", "<0.3s", ">85%", "<=", "< 1e9%", "99"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, err := ParseLimit(text)
		if err != nil {
			return
		}
		again, err := ParseLimit(limit.String())
		if err != nil || again != limit {
			t.Errorf("%q reads as %+v, which reads as %+v, %v", text, limit, again, err)
		}
	})
}
