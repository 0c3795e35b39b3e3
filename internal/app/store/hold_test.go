package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/store"
)

func TestConnectionsAreHeldAndGivenBack(t *testing.T) {
	given := options(migratedURL(t))
	s, err := store.New(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	// Other tests use the same server: what is held is told by its number.
	const share = 0.5
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type held struct {
		many int
		err  error
	}
	done := make(chan held, 1)
	go func() {
		many, err := store.HoldConnections(ctx, given, share, time.Minute)
		done <- held{many, err}
	}()
	var most int
	if err := s.Pool().QueryRow(t.Context(), "SELECT current_setting('max_connections')::int").Scan(&most); err != nil {
		t.Fatal(err)
	}
	used := func(ctx context.Context) int {
		var used int
		if err := s.Pool().QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()").Scan(&used); err != nil {
			t.Fatal(err)
		}
		return used
	}
	wanted := int(share*float64(most)) - 20 // others' connections count as well
	for deadline := time.Now().Add(time.Minute); used(t.Context()) < wanted; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections of this database are in use, want %d of %d", used(t.Context()), wanted, most)
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	got := <-done
	// Counted as used as well: this test's own, and the one that was being opened.
	others := int(s.Pool().Stat().TotalConns()) + 1
	if got.err != nil || got.many < wanted-others {
		t.Errorf("%d connections were held, want %d at least: %v", got.many, wanted-others, got.err)
	}
	for deadline := time.Now().Add(time.Minute); used(t.Context()) > 10; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still there", used(t.Context()))
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := store.HoldConnections(t.Context(), given, 1.5, time.Second); err == nil {
		t.Error("a share of 1.5 is taken")
	}
}
