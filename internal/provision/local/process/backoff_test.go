//go:build linux

package process

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackoff(t *testing.T) {
	middle := func() float64 { return 0.5 } // no jitter
	tests := []struct {
		name    string
		backoff Backoff
		runs    []time.Duration
		want    []time.Duration
	}{
		{
			name:    "doubles up to the most",
			backoff: Backoff{First: 100 * time.Millisecond, Most: time.Second, Random: middle},
			runs:    make([]time.Duration, 6),
			want:    []time.Duration{100e6, 200e6, 400e6, 800e6, 1e9, 1e9},
		},
		{
			name:    "forgives a stable run",
			backoff: Backoff{First: time.Second, Stable: time.Minute, Random: middle},
			runs:    []time.Duration{0, 0, time.Minute, 0},
			want:    []time.Duration{1e9, 2e9, 1e9, 2e9},
		},
		{
			name:    "jitter is a fifth either way and never passes the most",
			backoff: Backoff{First: time.Second, Most: time.Second, Random: func() float64 { return 0.999 }},
			runs:    make([]time.Duration, 1),
			want:    []time.Duration{1e9},
		},
		{
			name:    "lower jitter",
			backoff: Backoff{First: time.Second, Random: func() float64 { return 0 }},
			runs:    make([]time.Duration, 1),
			want:    []time.Duration{800e6},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []time.Duration
			for _, ran := range test.runs {
				got = append(got, test.backoff.Next(ran))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackoffNeverOverflows(t *testing.T) {
	var backoff Backoff
	for range 10_000 {
		if wait := backoff.Next(0); wait <= 0 || wait > 30*time.Second {
			t.Fatalf("wait %v", wait)
		}
	}
}

func TestTail(t *testing.T) {
	lines := &tail{}
	for _, piece := range []string{"one\ntw", "o\n\nthr", "ee"} {
		if n, err := lines.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", piece, n, err)
		}
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, lines.last()); diff != "" {
		t.Error(diff)
	}
	for i := range 3 * tailLines {
		_, _ = lines.Write([]byte{byte('a' + i%26), '\n'})
	}
	if got := lines.last(); len(got) != tailLines || got[tailLines-1] != "d" {
		t.Errorf("last = %q", got)
	}
	_, _ = lines.Write(append(make([]byte, 1<<20), '\n'))
	if got := lines.last(); len(got[tailLines-1]) > tailLineBytes {
		t.Errorf("a line of %d bytes was kept", len(got[tailLines-1]))
	}
}
