package load

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestText(t *testing.T) {
	calm := func() Result {
		plan := Plan{Rate: 300, Duration: 30 * time.Second, Spike: 600}.Stages()
		recorder := newRecorder(plan, 1)
		for i := range 12_000 {
			stage := min(2, i/4000)
			due := time.Duration(i) * time.Millisecond
			left := due + 40*time.Microsecond
			recorder.sent(sample{due: due, left: left, done: left + time.Duration(i%1000)*20*time.Microsecond, stage: stage,
				answer: answer{status: 200, cache: map[bool]string{true: "miss", false: "hit"}[i%20 == 0]}}, false)
		}
		for i := range 8 {
			recorder.dialed(time.Duration(i) * 100 * time.Microsecond)
		}
		result := recorder.result(plan, []Operation{{Name: "read"}}, time.Minute)
		result.Seed, result.Targets, result.Skew = 1, 100, 1.1
		return result
	}
	troubled := func() Result {
		plan := Plan{Rate: 300, Duration: 10 * time.Second}.Stages()
		recorder := newRecorder(plan, 1)
		for i := range 2000 {
			got := answer{status: 200}
			switch {
			case i%100 == 0:
				got = answer{kind: kindTimeout, detail: "no answer within 5s"}
			case i%50 == 1:
				got = answer{status: 503, kind: "status 503", detail: "no server is available"}
			}
			recorder.sent(sample{done: time.Duration(i) * time.Millisecond, answer: got}, false)
		}
		for range 1000 {
			recorder.unsent(0, 0, "")
		}
		result := recorder.result(plan, []Operation{{Name: "read"}}, time.Minute)
		result.Void, result.Interrupted, result.Left = "1000 of 3000 were never sent, with at most 1500 under way at once", true, 3
		return result
	}
	for name, test := range map[string]struct {
		result Result
		width  int
	}{
		"calm":          {calm(), 100},
		"calm-narrow":   {calm(), 44},
		"troubled":      {troubled(), 100},
		"nothing-there": {Result{}, 80},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(test.result.Text(test.width), "\n") + "\n"
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
		})
	}
}
