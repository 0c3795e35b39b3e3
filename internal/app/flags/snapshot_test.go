package flags

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/open-feature/go-sdk/openfeature"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pocctl/pocctl/internal/app/faults"
)

// ruled has rules of every kind on the service's own flags.
const ruled = `
flags:
  product-cache:
    description: d
    type: boolean
    default: "on"
    rules: [{subjects: [ann, user-7], variant: "off"}, {percent: 5, by: address, variant: "off"}]
  rate-limiting:
    description: d
    type: boolean
    default: "on"
    rules: [{roles: [admin], variant: "off"}]
  experimental-search:
    description: d
    type: boolean
    default: "off"
    rules: [{roles: [admin], variant: "on"}, {roles: [editor], percent: 50, variant: "on"}, {percent: 10, variant: "on"}]
  fault-injection:
    description: d
    type: object
    variants:
      none: {}
      errors: {error_percent: 2.5, error_status: 503}
      slow: {latency_ms: 20, latency_jitter_ms: 1.5}
    default: none
    rules: [{percent: 20, by: subject, variant: errors}, {roles: [viewer], percent: 50, by: subject, variant: slow}]
`

// options that compare snapshots without what they tell.
func values() cmp.Option { return cmpopts.IgnoreUnexported(Snapshot{}) }

func TestSnapshotOfTheFileThatIsBuiltIn(t *testing.T) {
	f, err := New(t.Context(), Options{Default: builtInFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	got := f.Evaluate(t.Context(), Subject{})
	if diff := cmp.Diff(Snapshot{ProductCache: true, RateLimiting: true}, got, values()); diff != "" {
		t.Errorf("anonymous (-want +got):\n%s", diff)
	}
	if want := "product-cache=on,rate-limiting=on,experimental-search=off,fault-injection=off"; got.String() != want {
		t.Errorf("told as %s, want %s", got, want)
	}
	got = f.Evaluate(t.Context(), Subject{Role: "admin", Subject: "ann"})
	if diff := cmp.Diff(Snapshot{ProductCache: true, RateLimiting: true, ExperimentalSearch: true}, got, values()); diff != "" {
		t.Errorf("an admin (-want +got):\n%s", diff)
	}
}

// What is remembered has to be what OpenFeature says when it is asked.
func TestSnapshotsAreWhatOpenFeatureSays(t *testing.T) {
	f := opened(t, ruled)
	seen := map[Snapshot]bool{}
	for round := range 2 {
		for i := range 400 {
			for _, role := range []string{"", "viewer", "editor", "admin"} {
				subject := Subject{Role: role, Subject: fmt.Sprintf("user-%d", i), Address: fmt.Sprintf("192.0.2.%d", i)}
				if role == "" {
					subject.Subject = ""
				}
				got := f.Evaluate(t.Context(), subject)
				if diff := cmp.Diff(asked(t, f, subject), got, values()); diff != "" {
					t.Fatalf("%+v in round %d (-asked +got):\n%s", subject, round, diff)
				}
				seen[got] = true
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d snapshots: the rules weren't tried", len(seen))
	}
}

// asked asks OpenFeature for each flag.
func asked(t *testing.T, f *Flags, subject Subject) Snapshot {
	t.Helper()
	about := openfeature.NewEvaluationContext(subject.Subject, map[string]any{RoleAttribute: subject.Role, AddressAttribute: subject.Address})
	truth := func(key string) bool {
		value, err := f.Client().BooleanValue(t.Context(), key, false, about)
		if err != nil {
			t.Errorf("evaluate %s: %v", key, err)
		}
		return value
	}
	object, err := f.Client().ObjectValue(t.Context(), FaultInjection, nil, about)
	if err != nil {
		t.Errorf("evaluate %s: %v", FaultInjection, err)
	}
	milliseconds := func(key string) time.Duration {
		number, _ := object.(map[string]any)[key].(float64)
		return time.Duration(number * float64(time.Millisecond))
	}
	share, _ := object.(map[string]any)["error_percent"].(float64)
	status, _ := object.(map[string]any)["error_status"].(float64)
	slow, _ := object.(map[string]any)["latency_percent"].(float64)
	return Snapshot{
		ProductCache: truth(ProductCache), RateLimiting: truth(RateLimiting), ExperimentalSearch: truth(ExperimentalSearch),
		Faults: faults.Spec{
			ErrorPercent: share, ErrorStatus: int(status), Latency: milliseconds("latency_ms"), LatencyJitter: milliseconds("latency_jitter_ms"), LatencyPercent: slow,
		},
	}
}

func TestTooManyRulesAreAskedEachTime(t *testing.T) {
	var content strings.Builder
	content.WriteString("flags:\n")
	for _, key := range []string{ProductCache, RateLimiting, ExperimentalSearch} {
		fmt.Fprintf(&content, "  %s:\n    description: d\n    type: boolean\n    default: \"off\"\n    rules:\n", key)
		for i := range 40 {
			fmt.Fprintf(&content, "      - {subjects: [user-%d], variant: \"on\"}\n", i)
		}
	}
	f := opened(t, content.String())
	if f.state.Load().classes != nil {
		t.Error("68,921 classes of subjects are kept")
	}
	for i := range 45 {
		if got := f.Evaluate(t.Context(), subjectNumber(i)); got.ProductCache != (i < 40) || got.ExperimentalSearch != (i < 40) {
			t.Errorf("user %d has %s", i, got)
		}
	}
}

func TestSnapshotsAreToldInLogsAndSpans(t *testing.T) {
	f := opened(t, ruled)
	snapshot := f.Evaluate(t.Context(), Subject{Role: "admin", Subject: "ann"})
	core, logs := observer.New(zap.InfoLevel)
	zap.New(core).Info("request", snapshot.Field())
	const state = "product-cache=off,rate-limiting=off,experimental-search=on,fault-injection=none"
	if got := logs.All()[0].ContextMap()[LogField]; got != state {
		t.Errorf("logged as %v, want %s", got, state)
	}

	recorder := tracetest.NewSpanRecorder()
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(recorder)).Tracer("test")
	_, span := tracer.Start(t.Context(), "request")
	snapshot.Annotate(span)
	span.End()
	ended := recorder.Ended()[0]
	if diff := cmp.Diff([]attribute.KeyValue{attribute.String(StateAttribute, state)}, ended.Attributes(), cmp.AllowUnexported(attribute.Value{})); diff != "" {
		t.Errorf("attributes of the span (-want +got):\n%s", diff)
	}
	var told []string
	for _, event := range ended.Events() {
		attributes := attribute.NewSet(event.Attributes...)
		value := func(key attribute.Key) string { v, _ := attributes.Value(key); return v.AsString() }
		told = append(told, strings.Join([]string{
			event.Name, value("feature_flag.key"), value("feature_flag.result.variant"), value("feature_flag.result.reason"),
			value("feature_flag.provider.name"),
		}, " "))
		if value("feature_flag.version") != f.Status().Revision {
			t.Errorf("version %q, want the file's revision", value("feature_flag.version"))
		}
	}
	want := []string{
		"feature_flag.evaluation product-cache off targeting_match pocctl",
		"feature_flag.evaluation rate-limiting off targeting_match pocctl",
		"feature_flag.evaluation experimental-search on targeting_match pocctl",
		"feature_flag.evaluation fault-injection none default pocctl",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("events of the span (-want +got):\n%s", diff)
	}

	dropped := trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()), trace.WithSpanProcessor(recorder)).Tracer("test")
	_, span = dropped.Start(t.Context(), "request")
	snapshot.Annotate(span)
	span.End()
	Snapshot{}.Annotate(span)
	if len(recorder.Ended()) != 1 {
		t.Error("a span that isn't sampled was recorded")
	}
	if (Snapshot{}).String() != "" {
		t.Errorf("no snapshot is told as %q", Snapshot{})
	}
}

func TestSnapshotsGoWithTheirRequest(t *testing.T) {
	if diff := cmp.Diff(Snapshot{ProductCache: true, RateLimiting: true}, FromContext(t.Context()), values()); diff != "" {
		t.Errorf("without one (-want +got):\n%s", diff)
	}
	snapshot := opened(t, ruled).Evaluate(t.Context(), Subject{Role: "admin"})
	if got := FromContext(NewContext(t.Context(), snapshot)); got != snapshot {
		t.Errorf("carried %s, got %s", snapshot, got)
	}
}

// An evaluation of several flags has all of one moment, whatever changes.
func TestSnapshotsAreOfOneMoment(t *testing.T) {
	f := opened(t, "flags: {}")
	file := func(variant string) *ruleset {
		rules, err := parse(fmt.Appendf(nil, "flags:\n  product-cache: {description: d, type: boolean, default: %[1]s}\n"+
			"  rate-limiting: {description: d, type: boolean, default: %[1]s}\n"+
			"  experimental-search: {description: d, type: boolean, default: %[1]s}\n", variant))
		if err != nil {
			t.Fatal(err)
		}
		return rules.over(f.builtIn)
	}
	put := func(rules *ruleset) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.rules = rules
		f.rebuild()
	}
	on, off := file(`"on"`), file(`"off"`)
	put(on)
	f.Client().AddHooks(&afterFirst{do: func() { put(off) }})
	for _, want := range []bool{true, false} {
		got := f.Evaluate(t.Context(), Subject{})
		if got.ProductCache != want || got.RateLimiting != want || got.ExperimentalSearch != want {
			t.Errorf("%s, want all of one moment, on: %t", got, want)
		}
	}
}

// afterFirst does something once, after the first flag has been evaluated.
type afterFirst struct {
	openfeature.UnimplementedHook
	once sync.Once
	do   func()
}

func (a *afterFirst) After(context.Context, openfeature.HookContext, openfeature.InterfaceEvaluationDetails, openfeature.HookHints) error {
	a.once.Do(a.do)
	return nil
}

func BenchmarkEvaluate(b *testing.B) {
	builtIn, err := New(b.Context(), Options{Default: builtInFile(b)})
	if err != nil {
		b.Fatal(err)
	}
	ruled := opened(b, ruled)
	subject := Subject{Role: "editor", Subject: "01890b5e-7d2c-7a3c-9b1f-2f6f0a3c4d5e", Address: "203.0.113.77"}
	run := func(name string, evaluate func(ctx context.Context, subject Subject) Snapshot) {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				evaluate(ctx, subject)
			}
		})
	}
	run("built-in", builtIn.Evaluate)
	run("eight-rules", ruled.Evaluate)
	run("not-remembered", func(ctx context.Context, subject Subject) Snapshot {
		return ruled.ask(ctx, ruled.state.Load(), subject)
	})
	b.Run("eight-rules-parallel", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ruled.Evaluate(ctx, subject)
			}
		})
	})
}
