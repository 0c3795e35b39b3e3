package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/rpc"
)

// calls measures what gRPC is asked.
type calls struct {
	callDuration *prometheus.HistogramVec
	activeCalls  prometheus.Gauge
}

func newCalls(registry *prometheus.Registry) calls {
	return calls{
		callDuration: durations(registry, "rpc_server_call_duration_seconds",
			"How long gRPC calls took. error_type is there for what counts against the service.",
			"rpc_method", "rpc_response_status_code", "error_type", "rpc_system_name"),
		activeCalls: gauges(registry, "rpc_server_active_calls", "gRPC calls being answered now.").WithLabelValues(),
	}
}

// RPC observes calls: a line of the log and the metrics of each, and what the
// span that is there has to say.
type RPC struct {
	*Metrics
	log       *accessLog
	durations lookup[callKey, prometheus.Observer]
}

type callKey struct {
	method, code string
	fault        bool
}

var _ rpc.Observer = (*RPC)(nil)

// NewRPC makes an observer of calls.
func NewRPC(metrics *Metrics, logger *zap.Logger) *RPC {
	return &RPC{Metrics: metrics, log: newAccessLog(logger)}
}

// CallBegins implements rpc.Observer.
func (r *RPC) CallBegins(string) { r.activeCalls.Inc() }

// CallEnds implements rpc.Observer.
func (r *RPC) CallEnds(ctx context.Context, outcome rpc.Outcome) {
	r.activeCalls.Dec()
	span := trace.SpanFromContext(ctx)
	duration := r.durations.get(callKey{outcome.Method, outcome.Code, outcome.ServerFault}, func() prometheus.Observer {
		fault := ""
		if outcome.ServerFault {
			fault = outcome.Code
		}
		return r.callDuration.WithLabelValues(outcome.Method, outcome.Code, fault, "grpc")
	})
	r.evaluated(outcome.Flags.String())
	recording := span.IsRecording()
	observe(duration, outcome.Took, span.SpanContext(), recording && (outcome.ServerFault || span.SpanContext().IsSampled()))
	if recording {
		attributes := make([]attribute.KeyValue, 0, 3)
		for _, one := range []attribute.KeyValue{
			attribute.String(RequestIDAttribute, outcome.RequestID), semconv.ClientAddress(outcome.Address), semconv.UserID(outcome.User),
		} {
			if one.Value.AsString() != "" {
				attributes = append(attributes, one)
			}
		}
		span.SetAttributes(attributes...)
		outcome.Flags.Annotate(span)
		if outcome.ServerFault && outcome.Err != nil {
			span.RecordError(outcome.Err)
		}
	}
	line := access{
		level: zapcore.InfoLevel, message: "call", span: span.SpanContext(),
		requestID: Redact(outcome.RequestID), user: outcome.User, flags: outcome.Flags,
		method: outcome.Method, code: outcome.Code, reason: outcome.Reason, took: outcome.Took, address: outcome.Address, err: outcome.Err,
	}
	switch {
	case outcome.ServerFault:
		line.level = zapcore.ErrorLevel
	case outcome.Probe:
		line.level = zapcore.DebugLevel
	}
	r.log.write(&line)
}
