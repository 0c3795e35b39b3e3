package rpc_test

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/pocctl/pocctl/internal/app/rpc"
)

func TestCallsHaveSpans(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	s := start(t, func(o *rpc.Options) {
		o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		o.Propagator = propagation.TraceContext{}
	})
	s.becomes("", serving) // probes have none
	const parent = "0af7651916cd43dd8448eb211c80319c"
	refused(t, s.get(s.as("", "x-request-id", "traced", "traceparent", "00-"+parent+"-b7ad6b7169203331-01")), codes.NotFound, "product-not-found")
	var got sdktrace.ReadOnlySpan
	eventually(t, "the span to end", func() bool {
		ended := spans.Ended()
		if len(ended) > 0 {
			got = ended[0]
		}
		return len(ended) > 0
	})
	if len(spans.Ended()) != 1 || got.Name() != "pocctl.v1.CatalogService/GetProduct" || got.SpanKind() != trace.SpanKindServer {
		t.Errorf("%d spans, the first is %s, a %s", len(spans.Ended()), got.Name(), got.SpanKind())
	}
	if got.SpanContext().TraceID().String() != parent {
		t.Errorf("the trace is %s, want the caller's", got.SpanContext().TraceID())
	}
	if got.Status().Code == otelcodes.Error {
		t.Errorf("a client's mistake is an error of the span: %+v", got.Status())
	}
	if code := attribute.String("rpc.response.status_code", "NOT_FOUND"); !slices.Contains(got.Attributes(), code) {
		t.Errorf("the attributes lack %v: %v", code, got.Attributes())
	}
	// The observer can add to the span, as it hasn't ended when it is told.
	_, ctx := s.watch.outcome(t, "traced")
	if trace.SpanContextFromContext(ctx).SpanID() != got.SpanContext().SpanID() {
		t.Error("the observer isn't given the span")
	}
}
