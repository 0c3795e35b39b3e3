package flags

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-feature/go-sdk/openfeature"
)

const others = `
flags:
  greeting:
    description: What users are told.
    type: string
    variants: {plain: Hello, warm: Welcome}
    default: plain
    rules: [{roles: [admin], variant: warm}]
  page-size:
    description: Items on a page.
    type: number
    variants: {small: 10, odd: 2.5}
    default: small
    rules: [{subjects: [ann], variant: odd}]
  layout:
    description: Where things go.
    type: object
    variants: {plain: {names: [a, {deep: b}]}}
    default: plain
    enabled: false
  beta:
    description: Whether new things are shown.
    type: boolean
    default: "off"
    rules: [{percent: 100, variant: "on"}]
`

// opened are flags of a file's content.
func opened(t testing.TB, content string) *Flags {
	t.Helper()
	f, err := New(t.Context(), Options{Default: builtInFile(t), Path: written(t, content)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func TestOpenFeatureIsToldValueVariantAndReason(t *testing.T) {
	f := opened(t, others)
	client, ctx := f.Client(), t.Context()
	admin := openfeature.NewEvaluationContext("ann", map[string]any{RoleAttribute: "admin", AddressAttribute: "192.0.2.1"})
	nobody := openfeature.NewTargetlessEvaluationContext(nil)
	type is struct {
		value   any
		variant string
		reason  openfeature.Reason
		code    openfeature.ErrorCode
	}
	boolean := func(key string, about openfeature.EvaluationContext) is {
		d, _ := client.BooleanValueDetails(ctx, key, true, about)
		return is{d.Value, d.Variant, d.Reason, d.ErrorCode}
	}
	text := func(key string, about openfeature.EvaluationContext) is {
		d, _ := client.StringValueDetails(ctx, key, "fallback", about)
		return is{d.Value, d.Variant, d.Reason, d.ErrorCode}
	}
	number := func(key string, about openfeature.EvaluationContext) is {
		d, _ := client.FloatValueDetails(ctx, key, -1, about)
		return is{d.Value, d.Variant, d.Reason, d.ErrorCode}
	}
	whole := func(key string, about openfeature.EvaluationContext) is {
		d, _ := client.IntValueDetails(ctx, key, -1, about)
		return is{d.Value, d.Variant, d.Reason, d.ErrorCode}
	}
	object := func(key string, about openfeature.EvaluationContext) is {
		d, _ := client.ObjectValueDetails(ctx, key, "fallback", about)
		return is{d.Value, d.Variant, d.Reason, d.ErrorCode}
	}
	layout := map[string]any{"names": []any{"a", map[string]any{"deep": "b"}}}
	bad := openfeature.NewTargetlessEvaluationContext(map[string]any{RoleAttribute: 7})
	for name, test := range map[string]struct{ got, want is }{
		"static":                  {boolean(RateLimiting, nobody), is{true, "on", openfeature.StaticReason, ""}},
		"split":                   {boolean("beta", admin), is{true, "on", openfeature.SplitReason, ""}},
		"nothing to split by":     {boolean("beta", nobody), is{false, "off", openfeature.DefaultReason, ""}},
		"matched":                 {text("greeting", admin), is{"Welcome", "warm", openfeature.TargetingMatchReason, ""}},
		"not matched":             {text("greeting", nobody), is{"Hello", "plain", openfeature.DefaultReason, ""}},
		"number":                  {number("page-size", admin), is{2.5, "odd", openfeature.TargetingMatchReason, ""}},
		"whole number":            {whole("page-size", nobody), is{int64(10), "small", openfeature.DefaultReason, ""}},
		"disabled":                {object("layout", admin), is{layout, "plain", openfeature.DisabledReason, ""}},
		"not whole":               {whole("page-size", admin), is{int64(-1), "", openfeature.ErrorReason, openfeature.TypeMismatchCode}},
		"another type":            {text("beta", admin), is{"fallback", "", openfeature.ErrorReason, openfeature.TypeMismatchCode}},
		"no object":               {object("beta", admin), is{"fallback", "", openfeature.ErrorReason, openfeature.TypeMismatchCode}},
		"no number":               {number("beta", admin), is{-1.0, "", openfeature.ErrorReason, openfeature.TypeMismatchCode}},
		"no truth":                {boolean("greeting", admin), is{true, "", openfeature.ErrorReason, openfeature.TypeMismatchCode}},
		"no such flag":            {boolean("gamma", admin), is{true, "", openfeature.ErrorReason, openfeature.FlagNotFoundCode}},
		"a context that is wrong": {text("greeting", bad), is{"fallback", "", openfeature.ErrorReason, openfeature.InvalidContextCode}},
	} {
		if diff := cmp.Diff(test.want, test.got, cmp.AllowUnexported(is{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	details, err := client.BooleanValueDetails(ctx, "beta", false, admin)
	want := openfeature.FlagMetadata{"version": f.Status().Revision, "source": "file"}
	if diff := cmp.Diff(want, details.FlagMetadata); err != nil || diff != "" {
		t.Errorf("metadata: %v (-want +got):\n%s", err, diff)
	}
	if name := f.provider.Metadata().Name; name != ProviderName {
		t.Errorf("the provider is %q", name)
	}
}

func TestAnObjectIsTheCallersOwn(t *testing.T) {
	f := opened(t, others)
	about := openfeature.NewTargetlessEvaluationContext(nil)
	first, err := f.Client().ObjectValue(t.Context(), "layout", nil, about)
	if err != nil {
		t.Fatal(err)
	}
	names := first.(map[string]any)["names"].([]any)
	names[0], names[1].(map[string]any)["deep"] = "changed", "changed"
	first.(map[string]any)["more"] = true
	second, err := f.Client().ObjectValue(t.Context(), "layout", nil, about)
	want := map[string]any{"names": []any{"a", map[string]any{"deep": "b"}}}
	if diff := cmp.Diff(want, second); err != nil || diff != "" {
		t.Errorf("after the first was changed: %v (-want +got):\n%s", err, diff)
	}
}

func TestEventsNameWhatChanged(t *testing.T) {
	f := opened(t, others)
	changes := make(chan []string, 10)
	f.AddHandler(func(keys []string) { changes <- keys })
	rules, err := parse([]byte("flags:\n  greeting: {description: d, type: string, variants: {a: b}, default: a}\n" +
		"  rate-limiting: {description: Clients may send only so many requests., type: boolean, default: on}\n" +
		"  new: {description: d, type: boolean, default: on}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f.mutex.Lock()
	f.rules = rules.over(f.builtIn)
	f.rebuild()
	f.rebuild() // changes nothing more
	f.mutex.Unlock()
	select {
	case keys := <-changes:
		if diff := cmp.Diff([]string{"beta", "greeting", "layout", "new", "page-size"}, keys); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("told of no change")
	}
	f.mutex.Lock()
	f.setOverridesError(context.DeadlineExceeded)
	f.mutex.Unlock()
	await(t, "stale", func() bool { return f.Client().State() == openfeature.StaleState })
	if on, err := f.Client().BooleanValue(t.Context(), "new", false, openfeature.EvaluationContext{}); err != nil || !on {
		t.Errorf("while stale, new is %t (%v); want on", on, err)
	}
	f.mutex.Lock()
	f.setOverridesError(nil)
	f.mutex.Unlock()
	await(t, "ready again", func() bool { return f.Client().State() == openfeature.ReadyState })
	if len(changes) > 0 {
		t.Errorf("told of a change more: %v", <-changes)
	}
}

// Events that nobody takes must not stop a change.
func TestEventsNeverWait(t *testing.T) {
	p := newProvider(nil)
	for range 100 {
		p.emit(openfeature.ProviderConfigChange, "", nil)
	}
	if p.Hooks() != nil {
		t.Error("the provider has hooks")
	}
}
