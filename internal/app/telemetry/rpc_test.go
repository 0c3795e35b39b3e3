package telemetry

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/telemetry/contract"
)

func TestACallIsTracedLoggedAndMeasured(t *testing.T) {
	for _, test := range []struct {
		name    string
		outcome rpc.Outcome
		span    map[string]any
		events  int
		line    map[string]any
		fault   string
	}{
		{
			name: "served",
			outcome: rpc.Outcome{
				Method: "/pocctl.v1.CatalogService/GetProduct", Operation: "getProduct", RequestID: "r-1", Address: "192.0.2.1", User: "somebody",
				Flags: snapshot(t), Code: "OK", Took: 1500 * time.Microsecond,
			},
			span: map[string]any{"request_id": "r-1", "client.address": "192.0.2.1", "user.id": "somebody", "pocctl.feature_flags": flagsText},
			line: map[string]any{
				"level": "info", "message": "call", "request_id": "r-1", "user_id": "somebody", "feature_flags": flagsText,
				"method": "/pocctl.v1.CatalogService/GetProduct", "code": "OK", "seconds": 0.0015, "address": "192.0.2.1",
			},
			events: 4,
		},
		{
			name: "failed",
			outcome: rpc.Outcome{
				Method: rpc.UnknownMethod, RequestID: "r-2", Code: "INTERNAL", Reason: "internal", ServerFault: true, Err: errors.New("password=hunter2"),
			},
			span: map[string]any{"request_id": "r-2"},
			line: map[string]any{
				"level": "error", "message": "call", "request_id": "r-2", "method": "_OTHER", "code": "INTERNAL", "reason": "internal", "seconds": 0.0,
				"error": "password=[redacted]",
			},
			events: 1,
			fault:  "INTERNAL",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
			p, logger, flushLog := logging(t, "info")
			metrics := NewMetrics(Build{})
			r := NewRPC(metrics, logger)
			ctx, span := tracing.Tracer("test").Start(t.Context(), "call")
			r.CallBegins(test.outcome.Method)
			if got := gathered(t, metrics.registry, "rpc_server_active_calls"); got != 1 {
				t.Errorf("%v calls are active, want 1", got)
			}
			r.CallEnds(ctx, test.outcome)
			span.End()
			flush(t, tracing)
			flushLog()
			sent := collector.Spans()[0]
			if diff := cmp.Diff(test.span, attributes(sent)); diff != "" || len(sent.GetEvents()) != test.events {
				t.Errorf("attributes, and %d events (-want +got):\n%s", len(sent.GetEvents()), diff)
			}
			line := p.lines(t)[0]
			test.line["trace_id"], test.line["span_id"] = trace.TraceID(sent.GetTraceId()).String(), trace.SpanID(sent.GetSpanId()).String()
			delete(line, "time")
			if diff := cmp.Diff(test.line, line); diff != "" {
				t.Errorf("the line (-want +got):\n%s", diff)
			}
			if got := gathered(t, metrics.registry, "rpc_server_call_duration_seconds", "rpc_method", test.outcome.Method,
				"rpc_response_status_code", test.outcome.Code, "error_type", test.fault, "rpc_system_name", "grpc"); got != 1 {
				t.Errorf("%v calls are measured, want 1", got)
			}
			if got := gathered(t, metrics.registry, "rpc_server_active_calls"); got != 0 {
				t.Errorf("%v calls are active, want none", got)
			}
		})
	}
}

func TestCallsOfProbesAreLoggedAtDebug(t *testing.T) {
	p, logger, flush := logging(t, "debug")
	NewRPC(NewMetrics(Build{}), logger).CallEnds(t.Context(), rpc.Outcome{Method: "/grpc.health.v1.Health/Check", Probe: true, Code: "OK"})
	flush()
	if got := p.lines(t); len(got) != 1 || got[0]["level"] != "debug" || got[0]["trace_id"] != nil {
		t.Errorf("the log has %v", got)
	}
}

// observed tells the observer of calls as package rpc does.
type observed struct{ *RPC }

func (observed) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (observed) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (observed) HandleConn(context.Context, stats.ConnStats)                       {}

func (o observed) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		o.CallBegins("/grpc.health.v1.Health/Check")
	case *stats.End:
		o.CallEnds(ctx, rpc.Outcome{
			Method: "/grpc.health.v1.Health/Check", RequestID: "r-1", Address: "127.0.0.1", Code: "NOT_FOUND", Reason: "x", Err: event.Error,
		})
	}
}

// Spans of calls are the library's; what it writes is in the contract, too.
func TestSpansOfCallsAreAsAgreed(t *testing.T) {
	agreed, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	p, logger, flushLog := logging(t, "info")
	server := grpc.NewServer(grpc.StatsHandler(observed{NewRPC(NewMetrics(Build{}), logger)}), grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(tracing.Provider), otelgrpc.WithPropagators(tracing.Propagator), otelgrpc.WithMeterProvider(noopmetric.NewMeterProvider()))))
	healthv1.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := healthv1.NewHealthClient(connection).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "none"}); status.Code(err) != codes.NotFound {
		t.Fatalf("the call gives %v", err)
	}
	server.GracefulStop()
	flush(t, tracing)
	flushLog()
	for _, problem := range agreed.CheckSpans(contract.FromOTLP(collector.Resources())) {
		if problem.Kind != contract.Missing || strings.Contains(problem.Signal, "grpc") {
			t.Error(problem)
		}
	}
	for _, problem := range agreed.CheckLogs([]byte(p.String())) {
		if problem.Kind != contract.Missing || problem.Signal == "call" {
			t.Error(problem)
		}
	}
}
