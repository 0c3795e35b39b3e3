package plot

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTicks(t *testing.T) {
	for name, test := range map[string]struct{ got, want []float64 }{
		"seconds":            {Seconds.Ticks(0, 0.3), []float64{0, 0.1, 0.2, 0.3}},
		"a count is whole":   {Count.Ticks(0, 2), []float64{0, 1, 2}},
		"from below nothing": {Seconds.Ticks(-5, 60), []float64{-20, 0, 20, 40, 60}},
		"bytes":              {Bytes.Ticks(0, 4<<20), []float64{0, 1 << 20, 2 << 20, 3 << 20, 4 << 20}},
		"decades":            {LogTicks(0.05, 702), []float64{0.01, 0.1, 1, 10, 100, 1000}},
		"a decade":           {LogTicks(3, 40), []float64{2, 5, 10, 20, 50}},
		"one place":          {LogTicks(10, 10), []float64{10, 20}},
	} {
		if len(test.got) != len(test.want) {
			t.Errorf("%s: %v, want %v", name, test.got, test.want)
			continue
		}
		for i := range test.want {
			if math.Abs(test.got[i]-test.want[i]) > 1e-9*math.Abs(test.want[i])+1e-12 {
				t.Errorf("%s: %v, want %v", name, test.got, test.want)
				break
			}
		}
	}
}

func TestFrame(t *testing.T) {
	f := Frame{Size: Size{Left: 10, Right: 110, Top: 0, Bottom: 100}, Across: Axis{From: 0, To: 10}, Down: Axis{From: 1, To: 100, Log: true}}
	for _, test := range [][2]float64{{f.X(0), 10}, {f.X(5), 60}, {f.X(10), 110}, {f.Y(1), 100}, {f.Y(10), 50}, {f.Y(100), 0}, {f.Y(0), 100}} {
		if math.Abs(test[0]-test[1]) > 1e-9 {
			t.Errorf("%v, want %v", test[0], test[1])
		}
	}
	points := []Point{{0, 1}, {1, 10}, {2, math.NaN()}, {3, 100}, {8, 1}}
	if diff := cmp.Diff("M10.0 100.0h0L20.0 50.0M40.0 0.0h0M90.0 100.0h0", f.Path(points, 1.5)); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
}

func TestTimesFitTheirSpan(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for span, want := range map[time.Duration]string{time.Minute: "03:05:00", time.Hour: "04:04", 96 * time.Hour: "6 Jan"} {
		to := from.Add(span)
		f := Frame{Size: Small(), Across: Axis{From: Since(from), To: Since(to)}}
		marks := f.Times(from, to)
		if len(marks) != 5 || marks[4].Text != want || marks[4].At != Decimal(f.Right) || marks[0].At != Decimal(f.Left) {
			t.Errorf("%s: %v, want the last %q", span, marks, want)
		}
	}
}

// What pages show stands by itself.
func TestStyleAsksNothingOfAnybody(t *testing.T) {
	for _, word := range []string{"@import", "url(", "http"} {
		if strings.Contains(string(Style()), word) || strings.Contains(Templates(), word) {
			t.Errorf("it has %s", word)
		}
	}
}
