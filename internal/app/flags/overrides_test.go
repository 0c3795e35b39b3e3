package flags_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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

const typed = `
flags:
  greeting: {description: d, type: string, variants: {plain: Hello, warm: plain}, default: plain}
  page-size: {description: d, type: number, variants: {small: 10, large: 100}, default: small}
  layout:
    description: d
    type: object
    variants: {plain: {columns: 1}, wide: {columns: 2, names: true, more: {}}}
    default: plain
  closed: {description: d, type: boolean, default: "off", enabled: false}
`

func TestOverridesFitTheirFlag(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.yaml")
	if err := os.WriteFile(path, []byte(typed), 0o600); err != nil {
		t.Fatal(err)
	}
	f := replica(t, postgres.URL(t, database(t)), func(o *flags.Options) { o.Path = path })
	for _, test := range []struct {
		key, value string
		variant    string // "" if it is refused
		want       any    // or what is said
	}{
		{"rate-limiting", "true", "on", true},
		{"rate-limiting", `"off"`, "off", false},
		{"closed", `true`, "on", true},
		{"greeting", `"Hello"`, "plain", "Hello"},
		{"greeting", `"warm"`, "warm", "plain"},
		{"greeting", `"plain"`, "warm", "plain"}, // a value comes before a name
		{"page-size", "100.0", "large", 100.0},
		{"page-size", `"small"`, "small", 10.0},
		{"page-size", "25", "custom", 25.0},
		{"layout", `{"columns": 2, "names": true, "more": {}}`, "wide", map[string]any{"columns": 2.0, "names": true, "more": map[string]any{}}},
		{"layout", `{"columns": 3, "names": false}`, "custom", map[string]any{"columns": 3.0, "names": false}},
		{"fault-injection", `"errors"`, "errors", map[string]any{"error_percent": 5.0, "error_status": 503.0}},
		{"fault-injection", `{"latency_jitter_ms": 0.5}`, "custom", map[string]any{"latency_jitter_ms": 0.5}},

		{"rate-limiting", "1", "", "value must be of type boolean, or one of the variants off, on"},
		{"rate-limiting", `"yes"`, "", "value must be of type boolean, or one of the variants off, on"},
		{"rate-limiting", "null", "", "value must be of type boolean"},
		{"rate-limiting", "[true]", "", "value must be of type boolean"},
		{"rate-limiting", "", "", "value must be JSON"},
		{"rate-limiting", "tru", "", "value must be JSON"},
		{"rate-limiting", "true false", "", "value must be one JSON value"},
		{"greeting", `"Good day"`, "", "value must be one of the variants plain, warm"},
		{"greeting", `"\u0000"`, "", "value must be without NUL"},
		{"page-size", `"tiny"`, "", "value must be of type number"},
		{"page-size", "1e999", "", "value must be JSON"},
		{"layout", `{"rows": 1}`, "", `not "rows"`},
		{"layout", `{"columns": "two"}`, "", `not "columns"`},
		{"layout", `{"columns": ` + strings.Repeat("1", 5000) + `}`, "", "value must have at most 4096 bytes"},
		{"fault-injection", `{"error_percent": 101}`, "", "value doesn't fit: error_percent must be from 0 to 100, not 101"},
		{"fault-injection", `{"error_status": 200}`, "", "value doesn't fit: error_status must be from 400 to 599"},
		{"fault-injection", `{"error_status": 500.5}`, "", "value must have an HTTP status as error_status"},
		{"fault-injection", `{"latency_ms": 1e300}`, "", "value doesn't fit: latency_ms must be from 0 to 1m0s"},
		{"fault-injection", `{"latency_ms": "1s"}`, "", `value must have a number as "latency_ms"`},
		{"fault-injection", `{"percent": 1}`, "", `value must have no fields but`},
	} {
		t.Run(test.key+" "+test.value[:min(20, len(test.value))], func(t *testing.T) {
			state, err := f.SetOverride(t.Context(), test.key, json.RawMessage(test.value), "a test", "root", 0)
			if test.variant == "" {
				var invalid *flags.Invalid
				if !errors.As(err, &invalid) || invalid.Field != "value" || !strings.Contains(err.Error(), test.want.(string)) {
					t.Errorf("%v, want an *Invalid with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, state.Value); state.Variant != test.variant || diff != "" {
				t.Errorf("variant %s, want %s (-want +got):\n%s", state.Variant, test.variant, diff)
			}
			if diff := cmp.Diff(state, find(t, f, test.key), cmpopts.IgnoreUnexported(flags.Override{}), cmpopts.IgnoreFields(flags.Override{}, "Left")); diff != "" {
				t.Errorf("in the list (-set +listed):\n%s", diff)
			}
		})
	}
}

func TestWhoSetsAnOverrideSaysWhy(t *testing.T) {
	f := replica(t, postgres.URL(t, database(t)), nil)
	on := json.RawMessage("true")
	for name, test := range map[string]struct {
		reason, by string
		ttl        time.Duration
		field      string
	}{
		"nobody":           {"a test", "", 0, "by"},
		"no reason":        {" ", "root", 0, "reason"},
		"a long reason":    {strings.Repeat("ä", flags.MaxReason+1), "root", 0, "reason"},
		"control":          {"a\x1b[31mtest", "root", 0, "reason"},
		"a time too short": {"a test", "root", flags.MinTTL - 1, "ttl"},
		"a time too long":  {"a test", "root", flags.MaxTTL + 1, "ttl"},
		"a time before":    {"a test", "root", -time.Minute, "ttl"},
	} {
		_, err := f.SetOverride(t.Context(), flags.ProductCache, on, test.reason, test.by, test.ttl)
		var invalid *flags.Invalid
		if !errors.As(err, &invalid) || invalid.Field != test.field {
			t.Errorf("%s: %v, want an *Invalid of %s", name, err, test.field)
		}
	}
	if _, err := f.SetOverride(t.Context(), "nothing", on, "a test", "root", 0); !errors.Is(err, flags.ErrNoFlag) {
		t.Errorf("set a flag that isn't there: %v, want ErrNoFlag", err)
	}
	if err := f.ClearOverride(t.Context(), "nothing"); !errors.Is(err, flags.ErrNoFlag) {
		t.Errorf("clear a flag that isn't there: %v, want ErrNoFlag", err)
	}
	alone, err := flags.New(t.Context(), flags.Options{Default: builtInFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	awaitLoaded(t, alone)
	if _, err := alone.SetOverride(t.Context(), flags.ProductCache, on, "a test", "root", 0); !errors.Is(err, flags.ErrNoStore) {
		t.Errorf("set without a store: %v, want ErrNoStore", err)
	}
	if err := alone.ClearOverride(t.Context(), flags.ProductCache); !errors.Is(err, flags.ErrNoStore) {
		t.Errorf("clear without a store: %v, want ErrNoStore", err)
	}
	if got := len(alone.List(t.Context())); got != 4 {
		t.Errorf("%d flags are built in, want 4", got)
	}
}

func TestAnOverrideThatTheFileHasOutgrownIsIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.yaml")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(typed)
	f := replica(t, postgres.URL(t, database(t)), func(o *flags.Options) { o.Path, o.Settle = path, 10*time.Millisecond })
	set(t, f, "greeting", `"warm"`, 0)
	set(t, f, "page-size", "25", 0)
	set(t, f, "closed", "true", 0)

	write(strings.NewReplacer("warm: plain", "warm: Come in", "type: number", "type: string", "{small: 10, large: 100}", "{small: S}").Replace(typed))
	await(t, "the changed file", func() bool { return find(t, f, "greeting").Value == "Come in" }) // it follows its variant
	if state := find(t, f, "page-size"); state.Override != nil || state.Variant != "small" || !strings.Contains(state.Ignored, "its value must be of type string") {
		t.Errorf("of another type: %+v", state)
	}
	write("flags:\n  greeting: {description: d, type: string, variants: {plain: Hello}, default: plain}\n")
	await(t, "the file without variant", func() bool { return find(t, f, "greeting").Override == nil })
	if state := find(t, f, "greeting"); state.Variant != "plain" || !strings.Contains(state.Ignored, `no longer has the variant "warm"`) {
		t.Errorf("without its variant: %+v", state)
	}
	if got := f.Status().Overridden; got != 0 {
		t.Errorf("%d overrides in force, want none", got)
	}
	// That of a flag that is gone can be cleared all the same.
	if err := f.ClearOverride(t.Context(), "closed"); err != nil {
		t.Errorf("clear: %v", err)
	}
	if err := f.ClearOverride(t.Context(), "closed"); !errors.Is(err, flags.ErrNoFlag) {
		t.Errorf("clear again: %v, want ErrNoFlag", err)
	}
	write(typed)
	await(t, "the first file again", func() bool { return find(t, f, "greeting").Variant == "warm" })
	if state := find(t, f, "page-size"); state.Value != 25.0 || state.Ignored != "" {
		t.Errorf("with the first file again: %+v", state)
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
