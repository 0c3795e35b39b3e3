package flags_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pocctl/pocctl/internal/app/flags"
)

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
