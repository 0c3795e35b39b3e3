package load

import (
	"math"
	"testing"
	"time"
)

func TestCurve(t *testing.T) {
	latency, service, lag := newHistogram(), newHistogram(), newHistogram()
	for i := range 1000 {
		record(latency, time.Duration(i+1)*time.Millisecond)
		record(service, time.Millisecond)
	}
	got := curve(latency, service, lag)
	if len(got) != 31 { // three nines of ten each, and the maximum
		t.Fatalf("%d percentiles", len(got))
	}
	for i, one := range got {
		want := max(1, math.Ceil(one.Quantile*1000))
		if math.Abs(one.Latency-want) > want*0.002+1 || one.Service != 1 || one.Lag != 0 {
			t.Errorf("%v: %+v, want a latency of %v", i, one, want)
		}
		if i > 0 && one.Quantile <= got[i-1].Quantile && one.Quantile != 1 {
			t.Errorf("%v follows %v", one.Quantile, got[i-1].Quantile)
		}
	}
	if last := got[len(got)-1]; last.Quantile != 1 {
		t.Errorf("the last is %v", last.Quantile)
	}
	if got := curve(newHistogram(), newHistogram(), newHistogram()); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func TestBars(t *testing.T) {
	latency := newHistogram()
	for _, took := range []time.Duration{0, time.Millisecond, 1200 * time.Microsecond, 40 * time.Millisecond} {
		record(latency, took)
	}
	got, sum := bars(latency), int64(0)
	for i, one := range got {
		sum += one.Count
		if i > 0 && one.Below <= got[i-1].Below {
			t.Errorf("%v follows %v", one, got[i-1])
		}
	}
	last := got[len(got)-1]
	if sum != 4 || last.Count != 1 || last.Below != 42.17 || got[0].Count != 1 {
		t.Errorf("got %v", got)
	}
	if got := bars(newHistogram()); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}
