package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func TestAnOverrideGoesThroughItsLife(t *testing.T) {
	s, ctx := migrated(t), t.Context()
	if overrides, err := s.FlagOverrides(ctx); err != nil || len(overrides) != 0 {
		t.Fatalf("an empty database has %v (%v)", overrides, err)
	}
	set := func(override flags.Override, ttl time.Duration) flags.Override {
		t.Helper()
		got, err := s.SetFlagOverride(ctx, override, ttl)
		if err != nil {
			t.Fatalf("set %s: %v", override.Key, err)
		}
		return got
	}
	timeless := cmp.Options{cmpopts.IgnoreFields(flags.Override{}, "At", "Expires", "Left"), cmpopts.IgnoreUnexported(flags.Override{})}
	named := flags.Override{Key: "b-named", Variant: "off", By: "ann", Reason: "a drill"}
	valued := flags.Override{Key: "a-valued", Value: json.RawMessage(`{"x": [1, null]}`), By: "ben", Reason: "naïve"}
	if diff := cmp.Diff(named, set(named, 0), timeless); diff != "" {
		t.Errorf("set by name (-want +got):\n%s", diff)
	}
	got := set(valued, time.Hour)
	if diff := cmp.Diff(valued, got, timeless); diff != "" {
		t.Errorf("set by value (-want +got):\n%s", diff)
	}
	if got.Left != time.Hour || got.Expires.Sub(got.At) != time.Hour {
		t.Errorf("set for an hour: %s left, from %s to %s", got.Left, got.At, got.Expires)
	}
	listed, err := s.FlagOverrides(ctx)
	if diff := cmp.Diff([]flags.Override{valued, named}, listed, timeless); err != nil || diff != "" {
		t.Fatalf("list: %v (-want +got):\n%s", err, diff)
	}
	if left := listed[0].Left; left <= 59*time.Minute || left > time.Hour || !listed[0].Expires.Equal(got.Expires) {
		t.Errorf("an hour's has %s left, to %s", left, listed[0].Expires)
	}
	if listed[1].Left != 0 || !listed[1].Expires.IsZero() {
		t.Errorf("an endless one has %s left, to %s", listed[1].Left, listed[1].Expires)
	}

	// The other form takes the place of the one, and of its end.
	valued.Variant, valued.Value = "on", nil
	if got := set(valued, 0); !got.Expires.IsZero() || got.Value != nil {
		t.Errorf("replaced by %+v", got)
	}
	if found, err := s.ClearFlagOverride(ctx, valued.Key); err != nil || !found {
		t.Errorf("clear: %t, %v; want it found", found, err)
	}
	if found, err := s.ClearFlagOverride(ctx, valued.Key); err != nil || found {
		t.Errorf("clear again: %t, %v; want none found", found, err)
	}
	if _, err := s.SetFlagOverride(ctx, flags.Override{Key: "neither", By: "ann", Reason: "a drill"}, 0); err == nil {
		t.Error("an override of neither variant nor value was taken")
	}
}

func TestAnExpiredOverrideIsNotListed(t *testing.T) {
	s := migrated(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	override := flags.Override{Key: "short", Variant: "on", By: "ann", Reason: "a drill"}
	if _, err := s.SetFlagOverride(ctx, override, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for {
		overrides, err := s.FlagOverrides(ctx)
		if err != nil {
			t.Fatalf("still there: %v", err)
		}
		if len(overrides) == 0 {
			return
		}
	}
}

func TestWhoWatchesOverridesHearsOfChanges(t *testing.T) {
	database := postgres.Database(t)
	url := postgres.URL(t, database)
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	watcher := open(t, "postgres://postgres@"+proxy.Address()+"/"+database)
	if err := watcher.WatchFlagOverrides(t.Context(), func() {}); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("watch without a database: %v, want ErrUnavailable", err)
	}
	if _, err := store.Migrate(t.Context(), options(url), time.Minute); err != nil {
		t.Fatal(err)
	}
	proxy.Up(t)
	heard := make(chan struct{}, 10)
	await := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(30 * time.Second):
			t.Fatalf("heard nothing of %s", what)
		}
	}
	ended := make(chan error, 1)
	watch := func(ctx context.Context) {
		go func() { ended <- watcher.WatchFlagOverrides(ctx, func() { heard <- struct{}{} }) }()
		await("the beginning")
	}
	watch(t.Context())
	writer := open(t, url)
	if _, err := writer.SetFlagOverride(t.Context(), flags.Override{Key: "x", Variant: "on", By: "ann", Reason: "a drill"}, 0); err != nil {
		t.Fatal(err)
	}
	await("the override that was set")
	if _, err := writer.ClearFlagOverride(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	await("the override that was cleared")
	proxy.Down()
	if err := <-ended; !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("the connection was cut: %v, want ErrUnavailable", err)
	}
	proxy.Up(t)
	ctx, stop := context.WithCancel(t.Context())
	watch(ctx)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("asked to stop: %v, want Canceled", err)
	}
}
