package flags_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

func builtInFile(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// database is the name of one at the head of its schema.
func database(t *testing.T) string {
	t.Helper()
	name := postgres.Database(t)
	options := store.Options{URL: postgres.URL(t, name), MaxConnections: 4, ConnectTimeout: 3 * time.Second}
	if _, err := store.Migrate(t.Context(), options, time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return name
}

func opened(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.New(t.Context(), store.Options{
		URL: url, MaxConnections: 4, ConnectTimeout: time.Second, StatementTimeout: 3 * time.Second,
	})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// replica runs flags on a database as one process of the service does.
func replica(t *testing.T, url string, change func(*flags.Options)) *flags.Flags {
	t.Helper()
	options := flags.Options{Default: builtInFile(t), Store: opened(t, url), OverridePoll: time.Minute}
	if change != nil {
		change(&options)
	}
	f, err := flags.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := f.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func awaitLoaded(t *testing.T, f *flags.Flags) {
	t.Helper()
	select {
	case <-f.Loaded():
	case <-time.After(30 * time.Second):
		t.Fatalf("overrides were not read: %s", f.Status().Problem())
	}
}

func snapshot(f *flags.Flags) flags.Snapshot {
	return f.Evaluate(context.Background(), flags.Subject{Role: "viewer", Subject: "ann"})
}

func set(t *testing.T, f *flags.Flags, key, value string, ttl time.Duration) flags.State {
	t.Helper()
	state, err := f.SetOverride(t.Context(), key, json.RawMessage(value), "a test", "root", ttl)
	if err != nil {
		t.Fatalf("set %s to %s: %v", key, value, err)
	}
	return state
}

func find(t *testing.T, f *flags.Flags, key string) flags.State {
	t.Helper()
	for _, state := range f.List(t.Context()) {
		if state.Key == key {
			return state
		}
	}
	t.Fatalf("there is no flag %s in the list", key)
	return flags.State{}
}

func TestAnOverrideIsSeenByAllUntilItIsCleared(t *testing.T) {
	url := postgres.URL(t, database(t))
	// Polls are a minute apart: what is seen sooner, Postgres has told.
	one, other := replica(t, url, nil), replica(t, url, nil)
	awaitLoaded(t, one)
	awaitLoaded(t, other)
	var changed sync.Map
	other.AddHandler(func(keys []string) {
		for _, key := range keys {
			changed.Store(key, true)
		}
	})

	before := time.Now()
	state := set(t, one, flags.RateLimiting, "false", 0)
	if snapshot(one).RateLimiting {
		t.Error("who set it doesn't see it at once")
	}
	want := flags.State{
		Variant: "off", Value: false, Source: flags.FromOverride, Reason: "STATIC",
		Override: &flags.Override{Key: flags.RateLimiting, Variant: "off", By: "root", Reason: "a test"},
	}
	ignore := cmp.Options{
		cmpopts.IgnoreFields(flags.State{}, "Flag"), cmpopts.IgnoreFields(flags.Override{}, "At"), cmpopts.IgnoreUnexported(flags.Override{}),
	}
	if diff := cmp.Diff(want, state, ignore); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if at := state.Override.At; at.Before(before.Add(-time.Minute)) || at.After(time.Now().Add(time.Minute)) {
		t.Errorf("set at %s", at)
	}
	await(t, "the other to see it", func() bool { return !snapshot(other).RateLimiting })
	if diff := cmp.Diff(state, find(t, other, flags.RateLimiting), cmpopts.IgnoreUnexported(flags.Override{})); diff != "" {
		t.Errorf("in the other's list (-one +other):\n%s", diff)
	}
	if got := snapshot(other).String(); !strings.HasPrefix(got, "product-cache=on,rate-limiting=off,") {
		t.Errorf("the other's snapshot is told as %s", got)
	}
	await(t, "the other to tell of it", func() bool { _, told := changed.Load(flags.RateLimiting); return told })
	if got := other.Status().Overridden; got != 1 {
		t.Errorf("%d overrides in force, want 1", got)
	}

	// It is replaced, and survives a restart.
	set(t, other, flags.RateLimiting, `"on"`, 0)
	set(t, other, flags.FaultInjection, `{"error_percent": 2.5, "latency_ms": 10}`, time.Hour)
	wanted := faults.Spec{ErrorPercent: 2.5, Latency: 10 * time.Millisecond}
	await(t, "the first to see both", func() bool { return snapshot(one).RateLimiting && snapshot(one).Faults == wanted })
	restarted := replica(t, url, nil)
	awaitLoaded(t, restarted)
	if got := snapshot(restarted); got.Faults != wanted || !strings.HasSuffix(got.String(), "fault-injection=custom") {
		t.Errorf("after a restart, faults are %+v, told as %s", got.Faults, got)
	}
	state = find(t, restarted, flags.FaultInjection)
	if left := state.Override.Expires.Sub(state.Override.At); left != time.Hour {
		t.Errorf("expires %s after it was set, want an hour", left)
	}

	for _, key := range []string{flags.RateLimiting, flags.FaultInjection, flags.FaultInjection, flags.ProductCache} {
		if err := one.ClearOverride(t.Context(), key); err != nil {
			t.Errorf("clear %s: %v", key, err)
		}
	}
	if snapshot(one).Faults.Injects() || one.Status().Overridden != 0 {
		t.Errorf("who cleared them still has %s", snapshot(one))
	}
	for _, f := range []*flags.Flags{other, restarted} {
		await(t, "the others to see that", func() bool { return !snapshot(f).Faults.Injects() })
		if state := find(t, f, flags.FaultInjection); state.Source != flags.FromFile || state.Override != nil || state.Variant != "off" {
			t.Errorf("in the list: %+v", state)
		}
	}
}

func TestAnOverrideSetByHandIsSeen(t *testing.T) {
	url := postgres.URL(t, database(t))
	f := replica(t, url, nil)
	awaitLoaded(t, f)
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	for _, statement := range []string{
		"INSERT INTO flag_overrides VALUES ('product-cache', 'off', NULL, 'dba', 'by hand', now(), NULL)",
		"TRUNCATE flag_overrides",
	} {
		before := snapshot(f).ProductCache
		if _, err := connection.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		await(t, statement, func() bool { return snapshot(f).ProductCache != before })
	}
}

// deaf can't watch: there is a pooler between that forgets who listens.
type deaf struct{ flags.Store }

func (deaf) WatchFlagOverrides(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWhatPostgresDoesNotTellIsFoundByPolling(t *testing.T) {
	url := postgres.URL(t, database(t))
	f := replica(t, url, func(o *flags.Options) { o.Store, o.OverridePoll = deaf{o.Store}, 50*time.Millisecond })
	set(t, replica(t, url, nil), flags.ProductCache, "false", 0)
	await(t, "the override", func() bool { return !snapshot(f).ProductCache })
}

func TestAnOverrideEnds(t *testing.T) {
	url := postgres.URL(t, database(t))
	one, other := replica(t, url, nil), replica(t, url, nil)
	set(t, one, flags.ProductCache, "false", flags.MinTTL)
	await(t, "the other to see it", func() bool { return !snapshot(other).ProductCache })
	for name, f := range map[string]*flags.Flags{"who set it": one, "the other": other} {
		await(t, name+" to be without it", func() bool { return snapshot(f).ProductCache })
		if state := find(t, f, flags.ProductCache); state.Override != nil || state.Source != flags.FromFile {
			t.Errorf("%s lists %+v", name, state)
		}
	}
	// A new one takes the place of what has expired.
	set(t, other, flags.ProductCache, `"off"`, 0)
	await(t, "the first to see the new one", func() bool { return !snapshot(one).ProductCache })
}

func TestOverridesOutliveAnOutage(t *testing.T) {
	name := database(t)
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	proxy.Up(t)
	core, logs := observer.New(zap.InfoLevel)
	url := "postgres://postgres@" + proxy.Address() + "/" + name
	f := replica(t, url, func(o *flags.Options) { o.OverridePoll, o.Logger = 200*time.Millisecond, zap.New(core) })
	awaitLoaded(t, f)
	direct := replica(t, postgres.URL(t, name), nil)
	set(t, f, flags.RateLimiting, "false", 0)
	set(t, f, flags.ProductCache, "false", 2*time.Second)
	await(t, "both overrides", func() bool { return !snapshot(direct).RateLimiting && !snapshot(direct).ProductCache })

	proxy.Down()
	await(t, "the outage to be noticed", func() bool { return f.Status().OverridesError != "" })
	if got := snapshot(f); got.RateLimiting {
		t.Errorf("without Postgres, flags are %s", got)
	}
	if state := find(t, f, flags.RateLimiting); state.Source != flags.FromOverride {
		t.Errorf("without Postgres, the list has %+v", state)
	}
	if problem := f.Status().Problem(); !strings.Contains(problem, "overrides of flags are those of 2") {
		t.Errorf("status says %q, want since when", problem)
	}
	_, err := f.SetOverride(t.Context(), flags.ExperimentalSearch, json.RawMessage("true"), "a test", "root", 0)
	if !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("set one without Postgres: %v, want ErrUnavailable", err)
	}
	if err := f.ClearOverride(t.Context(), flags.RateLimiting); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("clear one without Postgres: %v, want ErrUnavailable", err)
	}
	await(t, "one to end without Postgres", func() bool { return snapshot(f).ProductCache })
	if snapshot(f).RateLimiting {
		t.Error("the other ended too")
	}

	set(t, direct, flags.RateLimiting, "true", 0) // meanwhile, elsewhere
	proxy.Up(t)
	await(t, "recovery", func() bool { return f.Status().Problem() == "" && snapshot(f).RateLimiting })
	if got := logs.FilterLevelExact(zap.WarnLevel).Len(); got != 1 {
		t.Errorf("logged %d warnings in one outage, want 1", got)
	}
	// It listens again: no poll is as quick as this one is rare.
	set(t, direct, flags.ExperimentalSearch, "true", 0)
	await(t, "a change after the outage", func() bool { return snapshot(f).ExperimentalSearch })
}

func TestListeningBeginsAgain(t *testing.T) {
	name := database(t)
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	// It starts without Postgres.
	f := replica(t, "postgres://postgres@"+proxy.Address()+"/"+name, nil)
	await(t, "the outage to be noticed", func() bool { return f.Status().OverridesError != "" })
	if problem := f.Status().Problem(); !strings.Contains(problem, "overrides of flags are those of never") {
		t.Errorf("status says %q", problem)
	}
	direct := replica(t, postgres.URL(t, name), nil)
	set(t, direct, flags.ProductCache, "false", 0)
	for range 2 {
		proxy.Up(t)
		on := !snapshot(direct).ProductCache
		set(t, direct, flags.ProductCache, map[bool]string{true: "true", false: "false"}[on], 0)
		await(t, "what was set meanwhile", func() bool { return snapshot(f).ProductCache == on })
		proxy.Down()
	}
}

func TestStartingWithoutPostgresIsNoError(t *testing.T) {
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	f := replica(t, "postgres://postgres@"+proxy.Address()+"/none", nil)
	if got := snapshot(f); !got.RateLimiting || !got.ProductCache {
		t.Errorf("flags are %s", got)
	}
	select {
	case <-f.Loaded():
		t.Error("overrides were read from nowhere")
	default:
	}
}

func TestManySetAndReadAtOnce(t *testing.T) {
	url := postgres.URL(t, database(t))
	replicas := []*flags.Flags{replica(t, url, nil), replica(t, url, nil)}
	ctx, stop := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	for _, f := range replicas {
		readers.Go(func() {
			for ctx.Err() == nil {
				snapshot(f)
			}
		})
		writers.Go(func() {
			for i := range 50 {
				value := map[bool]string{true: "true", false: "false"}[i%2 == 0]
				state, err := f.SetOverride(ctx, flags.ProductCache, json.RawMessage(value), "a test", "root", 0)
				if err != nil || state.Override == nil {
					t.Errorf("set: %+v, %v", state, err)
				}
				f.List(ctx)
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	last := set(t, replicas[0], flags.ProductCache, "true", 0).Override.At
	for _, f := range replicas {
		await(t, "the last to be in force", func() bool {
			override := find(t, f, flags.ProductCache).Override
			return override != nil && override.At.Equal(last) && snapshot(f).ProductCache
		})
	}
}
