package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

// traced is tracing that sends to a collector of the test's own.
func traced(t *testing.T, change func(*TracingOptions)) (*Tracing, *otlptest.Collector) {
	t.Helper()
	collector := otlptest.New(t)
	options := TracingOptions{Endpoint: collector.HTTP(), Protocol: "http", Service: "pocctl", Version: "1.2.3", Instance: "pod-1", Logger: zap.NewNop()}
	if change != nil {
		change(&options)
	}
	if options.Protocol == "grpc" {
		options.Endpoint = collector.GRPC()
	}
	tracing, err := NewTracing(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = tracing.Shutdown(ctx)
	})
	return tracing, collector
}

func flush(t *testing.T, tracing *Tracing) {
	t.Helper()
	if err := tracing.provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func names(spans []*tracepb.Span) []string {
	names := []string{}
	for _, span := range spans {
		names = append(names, span.GetName())
	}
	slices.Sort(names)
	return names
}

func remote(sampled bool) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled.WithSampled(sampled), Remote: true,
	}))
}

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

func TestTracesAreSentByBothProtocols(t *testing.T) {
	for _, resolver := range []*net.Resolver{nil, {}} {
		for _, protocol := range []string{"http", "grpc"} {
			t.Run(fmt.Sprintf("%s,resolver=%t", protocol, resolver != nil), func(t *testing.T) {
				collector := otlptest.New(t)
				endpoint := collector.HTTP()
				if protocol == "grpc" {
					endpoint = collector.GRPC()
				}
				tracing, err := NewTracing(t.Context(), TracingOptions{
					Endpoint: endpoint, Protocol: protocol, Resolver: resolver, Ratio: 1, Logger: zap.NewNop(),
					Service: "pocctl", Version: "1.2.3", Instance: "pod-1", Environment: "test",
					Attributes: map[string]string{"k8s.pod.name": "backend-1", "host.name": ""},
				})
				if err != nil {
					t.Fatal(err)
				}
				_, span := tracing.Tracer("test").Start(t.Context(), "work", trace.WithAttributes(attribute.Int("answer", 42)))
				span.End()
				if err := tracing.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				spans := collector.Spans()
				if len(spans) != 1 || spans[0].GetName() != "work" || otlptest.Attribute(spans[0], "answer") != int64(42) {
					t.Fatalf("these came: %v", spans)
				}
				got := map[string]any{}
				for _, one := range collector.Resources()[0].GetResource().GetAttributes() {
					got[one.GetKey()] = otlptest.Value(one.GetValue())
				}
				delete(got, "telemetry.sdk.version")
				want := map[string]any{
					"service.name": "pocctl", "service.version": "1.2.3", "service.instance.id": "pod-1",
					"deployment.environment.name": "test", "k8s.pod.name": "backend-1",
					"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry",
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the resource (-want +got):\n%s", diff)
				}
			})
		}
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

func TestSpansNeverWaitForTheCollector(t *testing.T) {
	block := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-block:
		case <-r.Context().Done():
		}
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	t.Cleanup(func() { close(block) })
	tracing, _ := traced(t, func(o *TracingOptions) { o.Endpoint, o.Ratio = "http://"+listener.Addr().String(), 1 })
	const more = 100
	// One batch is on its way, the others wait.
	for range maxBatch {
		_, span := tracing.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	await(t, "the first batch to be on its way", func() bool { return tracing.keeper.next.length() == 0 })
	for range maxQueued + more {
		_, span := tracing.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	collector := tracing.Collector()
	if got := metric(t, collector, "otel_sdk_processor_span_processed_total", "error_type", "queue_full"); got != more {
		t.Errorf("%v spans are counted as lost, want %d", got, more)
	}
	if got, most := metric(t, collector, "otel_sdk_processor_span_queue_size"), metric(t, collector, "otel_sdk_processor_span_queue_capacity"); got != maxQueued || most != maxQueued {
		t.Errorf("%v of %v spans wait, want %d of as many", got, most, maxQueued)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tracing.provider.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a flush that can't be done in time gives %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tracing.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a shutdown that can't be done in time gives %v", err)
	}
	if got := metric(t, collector, "otel_sdk_processor_span_processed_total", "error_type", "shutdown"); got != maxQueued {
		t.Errorf("%v spans are counted as lost at the end, want %d", got, maxQueued)
	}
	if got := metric(t, collector, "otel_sdk_exporter_span_exported_total", "error_type", "canceled"); got != maxBatch {
		t.Errorf("%v spans are counted as cut short, want %d", got, maxBatch)
	}
}

func TestACollectorThatRefusesIsCountedAndLoggedRarely(t *testing.T) {
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			core, logs := observer.New(zap.InfoLevel)
			tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio, o.Logger, o.Protocol = 1, zap.New(core), protocol })
			work := func() {
				_, span := tracing.Tracer("test").Start(t.Context(), "work")
				span.End()
				flush(t, tracing)
			}
			collector.Refuse(http.StatusBadRequest)
			for range 3 {
				work()
			}
			collector.Refuse(0)
			work()
			var said []string
			for _, entry := range logs.All() {
				said = append(said, entry.Message)
			}
			if diff := cmp.Diff([]string{"traces are lost: the collector doesn't take them", "the collector takes traces again"}, said); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}
			for kind, count := range map[string]float64{"": 1, "rejected": 3} {
				if got := metric(t, tracing.Collector(), "otel_sdk_exporter_span_exported_total", "error_type", kind); got != count {
					t.Errorf("exported with error %q is %v, want %v", kind, got, count)
				}
			}
			if len(collector.Spans()) != 1 {
				t.Errorf("%d spans came, want 1", len(collector.Spans()))
			}
		})
	}
}

func TestACollectorThatIsNotThereIsCounted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	tracing, _ := traced(t, func(o *TracingOptions) { o.Endpoint, o.Ratio = "http://"+listener.Addr().String(), 1 })
	_, span := tracing.Tracer("test").Start(t.Context(), "work")
	span.End()
	flush(t, tracing)
	if got := metric(t, tracing.Collector(), "otel_sdk_exporter_span_exported_total", "error_type", "connection"); got != 1 {
		t.Errorf("%v spans are counted, want 1", got)
	}
}

func TestErrorsOfExportsAreSorted(t *testing.T) {
	for want, errs := range map[string][]error{
		"":           {nil},
		"timeout":    {context.DeadlineExceeded, status.Error(grpccodes.DeadlineExceeded, ""), os.ErrDeadlineExceeded},
		"canceled":   {fmt.Errorf("send: %w", context.Canceled), status.Error(grpccodes.Canceled, "")},
		"connection": {&net.OpError{Op: "dial", Err: errors.New("refused")}, status.Error(grpccodes.Unavailable, "")},
		"rejected":   {errors.New("OTLP partial success: no (1 spans rejected)"), status.Error(grpccodes.InvalidArgument, "")},
		"_OTHER":     {errors.New("?")},
	} {
		for _, err := range errs {
			if got := exportErrorType(err); got != want {
				t.Errorf("%v is %q, want %q", err, got, want)
			}
		}
	}
}

func TestComplaintsAreAMinuteApart(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	c := complaint{logger: zap.New(core)}
	now := time.Now()
	for i := range 130 {
		c.hear(2, errors.New("no"), now.Add(time.Duration(i)*time.Second))
	}
	var lost []int64
	for _, entry := range logs.All() {
		lost = append(lost, entry.ContextMap()["spans"].(int64))
	}
	if diff := cmp.Diff([]int64{2, 120, 120}, lost); diff != "" {
		t.Errorf("spans lost, by line (-want +got):\n%s", diff)
	}
}

func TestSecretsAreNotSent(t *testing.T) {
	const secret = "hunter2"
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	_, span := tracing.Tracer("test").Start(t.Context(), "GET postgres://app:"+secret+"@db")
	span.SetAttributes(
		attribute.String("plain", "kept"), attribute.String("http.request.header.authorization", secret), attribute.Int("token", 2),
		attribute.String("url", "postgres://app:"+secret+"@db"), attribute.StringSlice("http.request.header.cookie", []string{secret}),
		attribute.StringSlice("args", []string{"a", "--password=" + secret}), attribute.StringSlice("fine", []string{"a"}),
		attribute.Map("map", attribute.String("password", secret)),
	)
	span.RecordError(errors.New("connect with password=" + secret))
	span.SetStatus(codes.Error, "Authorization: Bearer "+secret)
	span.End()
	flush(t, tracing)
	got := collector.Spans()[0]
	if strings.Contains(got.String(), secret) {
		t.Errorf("a secret was sent: %v", got)
	}
	if otlptest.Attribute(got, "plain") != "kept" || otlptest.Attribute(got, "token") != redacted || len(got.GetEvents()) != 1 {
		t.Errorf("more is missing than the secret: %v", got)
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

// metric gives the value of one metric: a counter, a gauge, or the count of a
// histogram. labels are name, value pairs; it may have more.
func metric(t testing.TB, from prometheus.Collector, name string, labels ...string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(from)
	return gathered(t, registry, name, labels...)
}

func gathered(t testing.TB, from prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total, found := 0.0, false
	for _, family := range families {
		for _, one := range family.GetMetric() {
			has := map[string]string{}
			for _, label := range one.GetLabel() {
				has[label.GetName()] = label.GetValue()
			}
			matches := family.GetName() == name
			for i := 0; i < len(labels); i += 2 {
				matches = matches && has[labels[i]] == labels[i+1]
			}
			if matches {
				found = true
				total += one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
			}
		}
	}
	if !found {
		t.Fatalf("there is no %s%v", name, labels)
	}
	return total
}
