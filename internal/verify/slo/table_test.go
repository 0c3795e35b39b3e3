package slo

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestTable(t *testing.T) {
	measured := Evaluate(objectives(t), Measurement{
		Requests: 9000, Failed: 4, Unavailable: 4, CacheHits: 5100, CacheMisses: 1204,
		Latency: latencies{samples: 8998, slow: 18, at: 48.25},
	})
	for name, test := range map[string]struct {
		results []Result
		width   int
		paint   Paint
	}{
		"wide":    {measured, 100, nil},
		"narrow":  {measured, 40, nil},
		"nothing": {Evaluate(objectives(t), Measurement{}), 80, nil},
		"painted": {measured, 100, func(v Verdict, text string) string { return "<" + text + ">" }},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, "table-"+name, Table(test.results, test.width, test.paint))
		})
	}
}

func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
