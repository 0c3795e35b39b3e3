package canary

import (
	"math"
	"reflect"
	"testing"
	"time"
)

// at is a pod's counters after some seconds: fast ones took up to 0.1 s, the others
// up to 0.3 s.
func at(seconds int, requests, errors, fast int64, memory float64) Pod {
	return Pod{
		Requests: requests, Errors: errors, Memory: memory, Sampled: time.Unix(int64(seconds), 0),
		Buckets: []Bucket{{0.1, fast}, {0.3, requests}},
	}
}

func TestIncrease(t *testing.T) {
	unused := Pod{Memory: 10, Sampled: time.Unix(0, 0)}
	other := at(60, 50, 0, 40, 600)
	other.Buckets = []Bucket{{0.1, 40}, {0.2, 45}}
	for name, test := range map[string]struct {
		from, to Counters
		want     Window
	}{
		"nothing at all": {nil, nil, Window{MemoryGrowth: map[string]float64{}}},
		"two pods are summed": {
			Counters{"a": at(0, 100, 1, 90, 1000), "b": at(0, 10, 0, 5, 1000)},
			Counters{"a": at(60, 160, 4, 140, 1600), "b": at(60, 20, 1, 15, 400)},
			Window{70, 4, []Bucket{{0.1, 60}, {0.3, 70}}, nil, nil, 1, map[string]float64{"a": 10, "b": -10}},
		},
		"a restart counts from zero": {
			Counters{"a": at(0, 100, 1, 90, 1000)},
			Counters{"a": at(60, 30, 2, 20, 500)},
			Window{30, 2, []Bucket{{0.1, 20}, {0.3, 30}}, nil, nil, 0, map[string]float64{}},
		},
		"a restart shows in the errors alone": {
			Counters{"a": at(0, 100, 50, 90, 1000)},
			Counters{"a": at(60, 130, 2, 120, 500)},
			Window{130, 2, []Bucket{{0.1, 120}, {0.3, 130}}, nil, nil, 0, map[string]float64{}},
		},
		"a restart shows in a bucket alone": {
			Counters{"a": at(0, 100, 1, 90, 1000)},
			Counters{"a": at(60, 130, 2, 20, 500)},
			Window{130, 2, []Bucket{{0.1, 20}, {0.3, 130}}, nil, nil, 0, map[string]float64{}},
		},
		"other bounds are another process": {
			Counters{"a": at(0, 10, 0, 5, 1000)},
			Counters{"a": other},
			Window{50, 0, []Bucket{{0.1, 40}, {0.2, 45}}, nil, nil, 0, map[string]float64{}},
		},
		"a new pod counts from zero": {
			Counters{},
			Counters{"a": at(60, 30, 2, 20, 500)},
			Window{30, 2, []Bucket{{0.1, 20}, {0.3, 30}}, nil, nil, 0, map[string]float64{}},
		},
		"a pod that is gone is left out": {
			Counters{"a": at(0, 100, 1, 90, 1000), "b": at(0, 100, 1, 90, 1000)},
			Counters{"b": at(60, 110, 1, 95, 1600)},
			Window{10, 0, []Bucket{{0.1, 5}, {0.3, 10}}, nil, nil, 10.0 / 60, map[string]float64{"b": 10}},
		},
		"a pod's first requests": {
			Counters{"a": unused},
			Counters{"a": at(60, 30, 2, 20, 70)},
			Window{30, 2, []Bucket{{0.1, 20}, {0.3, 30}}, nil, nil, 0.5, map[string]float64{"a": 1}},
		},
		"no requests yet": {
			Counters{"a": unused, "b": at(0, 1, 0, 1, 0)},
			Counters{"a": unused, "b": at(10, 3, 0, 2, 0)},
			Window{2, 0, []Bucket{{0.1, 1}, {0.3, 2}}, nil, nil, 0.2, map[string]float64{}},
		},
		"pods with other bounds share what they have in common": {
			Counters{},
			Counters{"a": at(60, 30, 0, 20, 500), "b": other},
			Window{80, 0, []Bucket{{0.1, 60}}, nil, nil, 0, map[string]float64{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Increase(test.from, test.to); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestIncreaseLeavesTheReadingsAlone(t *testing.T) {
	from := Counters{"a": at(0, 100, 1, 90, 1000), "b": at(0, 10, 0, 5, 1000)}
	to := Counters{"a": at(60, 160, 4, 140, 1600), "b": at(60, 20, 1, 15, 400)}
	first := Increase(from, to)
	if second := Increase(from, to); !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v, then %+v", first, second)
	}
}

func TestQuantileInterpolates(t *testing.T) {
	window := Window{Requests: 100, Buckets: []Bucket{{0.1, 50}, {0.2, 90}, {0.3, 90}, {0.5, 99}}}
	for name, test := range map[string]struct {
		window               Window
		share, value, bottom float64
	}{
		"of the first bucket":        {window, 0.25, 0.05, 0},
		"of another":                 {window, 0.70, 0.15, 0.1},
		"after an empty one":         {window, 0.95, 0.3 + 0.2*5/9, 0.3},
		"slower than the last bound": {window, 0.995, 0.5, 0.5},
		"of nothing":                 {Window{}, 0.95, 0, 0},
	} {
		value, bottom := test.window.quantile(test.share)
		if math.Abs(value-test.value) > 1e-9 || bottom != test.bottom {
			t.Errorf("%s: got %v from %v, want %v from %v", name, value, bottom, test.value, test.bottom)
		}
	}
}
