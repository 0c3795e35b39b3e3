package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

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
