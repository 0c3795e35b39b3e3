package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/api"
)

// requests measures what HTTP is asked.
type requests struct {
	requestDuration *prometheus.HistogramVec
	activeRequests  *prometheus.GaugeVec
	panics          prometheus.Counter
}

func newRequests(registry *prometheus.Registry) requests {
	return requests{
		requestDuration: durations(registry, "http_server_request_duration_seconds",
			"How long requests took, from the first byte read to the last one written. error_type is there for what counts against the service.",
			"http_request_method", "http_route", "http_response_status_code", "error_type", "url_scheme"),
		activeRequests: gauges(registry, "http_server_active_requests", "Requests being answered now.", "http_request_method", "url_scheme"),
		panics:         counters(registry, "server_panics_total", "Requests and calls whose handler panicked; each was answered as an internal error.").WithLabelValues(),
	}
}

// Panic counts a handler's panic.
func (r requests) Panic() { r.panics.Inc() }

// HTTP observes requests: a span, a line of the log and the metrics of each.
type HTTP struct {
	*Metrics
	tracing *Tracing
	tracer  trace.Tracer
	kind    []trace.SpanStartOption
	log     *accessLog
	routes  lookup[routeKey, *route]
}

var _ api.Observer = (*HTTP)(nil)

// NewHTTP makes an observer of requests.
func NewHTTP(metrics *Metrics, tracing *Tracing, logger *zap.Logger) *HTTP {
	return &HTTP{
		Metrics: metrics, tracing: tracing, tracer: tracing.Tracer("http"), log: newAccessLog(logger),
		kind: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)},
	}
}

// scheme is what the service itself speaks; TLS ends before it.
const scheme = "http"

// unmatched is what the API calls the route of a request that has none.
const unmatched = "unmatched"

type routeKey struct{ method, pattern string }

// route is what all requests to a route have in common.
type route struct {
	routeKey
	probe     bool // nobody wants a span of it, or a line of the log
	span      string
	active    prometheus.Gauge
	durations lookup[int, prometheus.Observer] // by status
}

func (h *HTTP) route(key routeKey) *route {
	return h.routes.get(key, func() *route {
		return &route{
			routeKey: key, span: spanName(key.method, key.pattern),
			probe:  key.pattern == "/healthz" || key.pattern == "/readyz" || key.pattern == "/metrics",
			active: h.activeRequests.WithLabelValues(key.method, scheme),
		}
	})
}

// spanName is by the semantic conventions.
func spanName(method, pattern string) string {
	if method == otherMethod {
		method = "HTTP"
	}
	if pattern == unmatched {
		return method
	}
	return method + " " + pattern
}

// otherMethod stands for methods that were made up: they would be labels without end.
const otherMethod = "_OTHER"

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions:
		return method
	}
	return otherMethod
}

// Begin implements api.Observer.
func (h *HTTP) Begin(r *http.Request, pattern string) (context.Context, func(api.Outcome)) {
	route := h.route(routeKey{knownMethod(r.Method), pattern})
	route.active.Inc()
	ctx := r.Context()
	if route.probe {
		return ctx, func(outcome api.Outcome) { h.end(nil, route, r, &outcome) }
	}
	if r.Header["Traceparent"] != nil {
		ctx = h.tracing.Propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := h.tracer.Start(ctx, route.span, h.kind...)
	return ctx, func(outcome api.Outcome) { h.end(span, route, r, &outcome) }
}

func (h *HTTP) end(span trace.Span, route *route, r *http.Request, outcome *api.Outcome) {
	route.active.Dec()
	failed := outcome.Status >= http.StatusInternalServerError
	duration := route.durations.get(outcome.Status, func() prometheus.Observer {
		status := strconv.Itoa(outcome.Status)
		fault := ""
		if failed {
			fault = status
		}
		return h.requestDuration.WithLabelValues(route.method, route.pattern, status, fault, scheme)
	})
	if span == nil {
		duration.Observe(outcome.Took.Seconds())
		h.write(trace.SpanContext{}, route, outcome)
		return
	}
	h.evaluated(outcome.Flags.String())
	// Attributes are two thirds of what a span costs: only those that somebody
	// will see have them.
	kept := h.tracing.isKept(span, failed)
	observe(duration, outcome.Took, span.SpanContext(), kept)
	if kept {
		annotate(span, route, r, outcome)
	}
	span.End()
	h.write(span.SpanContext(), route, outcome)
}

// observe adds to a histogram, with an exemplar if there is a trace to be found.
func observe(duration prometheus.Observer, took time.Duration, span trace.SpanContext, kept bool) {
	if with, can := duration.(prometheus.ExemplarObserver); can && kept {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": span.TraceID().String()})
		return
	}
	duration.Observe(took.Seconds())
}

// RequestIDAttribute and CacheAttribute are attributes of spans that the semantic
// conventions have none for.
const (
	RequestIDAttribute = "request_id"
	CacheAttribute     = "pocctl.cache.result"
)

func annotate(span trace.Span, route *route, r *http.Request, outcome *api.Outcome) {
	attributes := make([]attribute.KeyValue, 0, 16)
	attributes = append(attributes,
		semconv.HTTPRequestMethodKey.String(route.method), semconv.HTTPResponseStatusCode(outcome.Status),
		semconv.HTTPResponseBodySize(outcome.Bytes), semconv.URLPath(outcome.Path), semconv.URLScheme(scheme),
		semconv.NetworkProtocolVersion(protocol(r)), attribute.String(RequestIDAttribute, outcome.RequestID))
	text := func(key attribute.Key, value string) {
		if value != "" {
			attributes = append(attributes, key.String(value))
		}
	}
	if route.pattern != unmatched {
		text(semconv.HTTPRouteKey, route.pattern)
	}
	if route.method == otherMethod {
		text(semconv.HTTPRequestMethodOriginalKey, r.Method)
	}
	if r.ContentLength > 0 {
		attributes = append(attributes, semconv.HTTPRequestBodySize(int(r.ContentLength)))
	}
	host, port, _ := strings.Cut(r.Host, ":")
	text(semconv.ServerAddressKey, host)
	if number, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, semconv.ServerPort(number))
	}
	text(semconv.ClientAddressKey, outcome.Address)
	text(semconv.UserAgentOriginalKey, r.UserAgent())
	text(semconv.UserIDKey, outcome.User)
	text(CacheAttribute, outcome.Cache)
	if outcome.Status >= http.StatusInternalServerError {
		text(semconv.ErrorTypeKey, strconv.Itoa(outcome.Status))
		span.SetStatus(codes.Error, "")
		if outcome.Err != nil {
			span.RecordError(outcome.Err)
		}
	}
	span.SetAttributes(attributes...)
	outcome.Flags.Annotate(span)
}

func protocol(r *http.Request) string {
	if r.ProtoMajor == 2 {
		return "2"
	}
	return strconv.Itoa(r.ProtoMajor) + "." + strconv.Itoa(r.ProtoMinor)
}

func (h *HTTP) write(span trace.SpanContext, route *route, outcome *api.Outcome) {
	line := access{
		level: zapcore.InfoLevel, message: "request", span: span,
		requestID: Redact(outcome.RequestID), user: outcome.User, flags: outcome.Flags,
		method: route.method, path: Redact(outcome.Path), route: route.pattern,
		status: outcome.Status, bytes: outcome.Bytes, took: outcome.Took,
		address: outcome.Address, cache: outcome.Cache, err: outcome.Err,
	}
	switch {
	case outcome.Status >= http.StatusInternalServerError && route.pattern != "/readyz":
		line.level = zapcore.ErrorLevel
	case route.probe:
		line.level = zapcore.DebugLevel
	}
	h.log.write(&line)
}
