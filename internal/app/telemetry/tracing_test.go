package telemetry

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

func TestTracesAreSampledAsWhoeverAskedOrByShare(t *testing.T) {
	for _, test := range []struct {
		name  string
		ratio float64
		ctx   context.Context
		want  bool
	}{
		{name: "all", ratio: 1, ctx: context.Background(), want: true},
		{name: "none", ratio: 0, ctx: context.Background()},
		{name: "the caller's is sampled", ratio: 0, ctx: remote(true), want: true},
		{name: "the caller's isn't", ratio: 1, ctx: remote(false)},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracing, _ := traced(t, func(o *TracingOptions) { o.Ratio = test.ratio })
			ctx, root := tracing.Tracer("test").Start(test.ctx, "root")
			_, child := tracing.Tracer("test").Start(ctx, "child")
			for _, span := range []trace.Span{root, child} {
				if got := span.SpanContext().IsSampled(); got != test.want {
					t.Errorf("sampled is %t, want %t", got, test.want)
				}
				if !span.IsRecording() {
					t.Error("what may come to have an error isn't recorded")
				}
			}
		})
	}
}

func TestAShareOfTracesIsSampled(t *testing.T) {
	tracing, _ := traced(t, func(o *TracingOptions) { o.Ratio = 0.1 })
	sampled := 0
	const all = 10_000
	for range all {
		if _, span := tracing.Tracer("test").Start(t.Context(), "root"); span.SpanContext().IsSampled() {
			sampled++
		}
	}
	if sampled < all/10*8/10 || sampled > all/10*12/10 { // six standard deviations
		t.Errorf("%d of %d are sampled, want about a tenth", sampled, all)
	}
}

func TestTracesWithAnErrorAreKeptWhole(t *testing.T) {
	kept := 0
	tracing, collector := traced(t, func(o *TracingOptions) { o.Kept = func() { kept++ } })
	tracer := tracing.Tracer("test")
	run := func(ctx context.Context, name, failing string) {
		ctx, root := tracer.Start(ctx, name+"-root")
		below, child := tracer.Start(ctx, name+"-child")
		_, grandchild := tracer.Start(below, name+"-grandchild")
		for _, span := range []trace.Span{grandchild, child, root} {
			if span == map[string]trace.Span{"grandchild": grandchild, "child": child, "root": root}[failing] {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
	run(t.Context(), "a", "")
	run(t.Context(), "b", "grandchild")
	run(remote(false), "c", "child")
	run(t.Context(), "d", "root")
	run(remote(false), "e", "")
	_, alone := tracer.Start(t.Context(), "alone")
	alone.SetStatus(codes.Error, "")
	alone.End()
	flush(t, tracing)
	want := []string{
		"alone", "b-child", "b-grandchild", "b-root", "c-child", "c-grandchild", "c-root", "d-child", "d-grandchild", "d-root",
	}
	if diff := cmp.Diff(want, names(collector.Spans())); diff != "" {
		t.Errorf("what came (-want +got):\n%s", diff)
	}
	if kept != 4 {
		t.Errorf("%d traces are counted as kept for an error, want 4", kept)
	}
	if held := tracing.keeper.held.Load(); held != 0 {
		t.Errorf("%d spans are still held", held)
	}
}

// A caller may ask for two things at once within its trace.
func TestAnErrorBelowOneRootKeepsNothingOfAnother(t *testing.T) {
	tracing, collector := traced(t, nil)
	tracer := tracing.Tracer("test")
	ctx1, root1 := tracer.Start(remote(false), "good-root")
	ctx2, root2 := tracer.Start(remote(false), "bad-root")
	_, child1 := tracer.Start(ctx1, "good-child")
	_, child2 := tracer.Start(ctx2, "bad-child")
	child2.SetStatus(codes.Error, "")
	child1.End()
	child2.End()
	root1.End()
	root2.End()
	flush(t, tracing)
	if diff := cmp.Diff([]string{"bad-child", "bad-root"}, names(collector.Spans())); diff != "" {
		t.Errorf("what came (-want +got):\n%s", diff)
	}
}

func TestSpansWithoutARootAreForgottenOrSentLater(t *testing.T) {
	tracing, collector := traced(t, nil)
	tracer := tracing.Tracer("test")
	for _, failing := range []bool{true, false} {
		ctx, root := tracer.Start(t.Context(), "root")
		root.End()
		_, late := tracer.Start(ctx, fmt.Sprintf("late-%t", failing))
		if failing {
			late.SetStatus(codes.Error, "")
		}
		late.End()
	}
	tracing.keeper.sweep(time.Now().Add(-heldFor)) // nothing is that old
	if held := tracing.keeper.held.Load(); held != 2 {
		t.Fatalf("%d spans are held, want 2", held)
	}
	tracing.keeper.sweep(time.Now())
	flush(t, tracing)
	if diff := cmp.Diff([]string{"late-true"}, names(collector.Spans())); diff != "" {
		t.Errorf("what came (-want +got):\n%s", diff)
	}
	if held := tracing.keeper.held.Load(); held != 0 {
		t.Errorf("%d spans are still held", held)
	}
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	tracing, _ := traced(t, nil)
	tracer := tracing.Tracer("test")
	for range maxHeld/maxHeldSpans + 2 {
		ctx, _ := tracer.Start(t.Context(), "root that never ends")
		for range maxHeldSpans + 1 {
			_, child := tracer.Start(ctx, "child")
			child.End()
		}
	}
	if held := tracing.keeper.held.Load(); held != maxHeld {
		t.Errorf("%d spans are held, want %d", held, maxHeld)
	}
	const lost = maxHeld/maxHeldSpans + 2*(maxHeldSpans+1)
	if got := metric(t, tracing.Collector(), "otel_sdk_processor_span_processed_total", "error_type", "held_full"); got != lost {
		t.Errorf("%v spans are counted as lost, want %d", got, lost)
	}
}

func TestWithoutAnEndpointSpansHaveIDsAndAreNotRecorded(t *testing.T) {
	tracing, _ := traced(t, func(o *TracingOptions) { o.Endpoint, o.Ratio = "", 1 })
	_, span := tracing.Tracer("test").Start(remote(true), "work")
	if !span.SpanContext().IsValid() || span.SpanContext().TraceID() != (trace.TraceID{1}) || span.IsRecording() {
		t.Errorf("the span is %v, recording: %t", span.SpanContext(), span.IsRecording())
	}
	if tracing.isKept(span, true) {
		t.Error("a trace is said to be kept, and nothing is sent")
	}
}

func TestTraceContextIsTakenAndPassedOn(t *testing.T) {
	tracing, _ := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	ctx := tracing.Propagator.Extract(t.Context(), propagation.MapCarrier{"traceparent": parent, "tracestate": "a=b"})
	ctx, span := tracing.Tracer("test").Start(ctx, "work")
	carrier := propagation.MapCarrier{}
	tracing.Propagator.Inject(ctx, carrier)
	want := propagation.MapCarrier{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-" + span.SpanContext().SpanID().String() + "-00", "tracestate": "a=b",
	}
	if diff := cmp.Diff(want, carrier); diff != "" {
		t.Errorf("what is passed on (-want +got):\n%s", diff)
	}
}

func TestValidateTracing(t *testing.T) {
	for _, test := range []struct{ endpoint, protocol, want string }{
		{"", "http", ""},
		{"http://collector:4318", "http", ""},
		{"https://collector:4317/v1/traces", "grpc", ""},
		{"", "udp", `must be http or grpc, not "udp"`},
		{"collector:4318", "http", "must be an http or https URL"},
		{"ftp://collector", "http", "must be an http or https URL"},
		{"http://u:hunter2@collector", "http", "must have no user"},
		{"http://u:hunter2@coll ector", "http", "must be an http or https URL"},
	} {
		err := ValidateTracing(test.endpoint, test.protocol)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v gives %v", test, err)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%v gives the password away: %v", test, err)
		}
		if _, made := NewTracing(t.Context(), TracingOptions{Endpoint: test.endpoint, Protocol: test.protocol, Logger: zap.NewNop()}); (made == nil) != (err == nil) {
			t.Errorf("%v: NewTracing gives %v, ValidateTracing %v", test, made, err)
		}
	}
}
