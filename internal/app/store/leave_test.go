package store_test

import (
	"context"
	"testing"
	"time"
)

func TestACallerWhoLeavesCostsNoConnection(t *testing.T) {
	s := open(t, postgres.URL(t, postgres.Database(t)))
	run := func(ctx context.Context, seconds float64) error {
		_, err := s.Pool().Exec(ctx, "SELECT pg_sleep($1)", seconds)
		return err
	}
	if err := run(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	made := s.Stat().NewConnsCount()
	for range 5 {
		ctx, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = run(ctx, 0.05) // it ends soon after its caller has gone, well or not
		leave()
		if err := run(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if now := s.Stat().NewConnsCount(); now != made {
		t.Errorf("%d connections were made for callers who left", now-made)
	}
	// One that doesn't end is cut, within a bound.
	ctx, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer leave()
	if err := run(ctx, 60); err == nil {
		t.Error("a statement outlives its caller by far")
	}
}
