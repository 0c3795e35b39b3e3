package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// TracingOptions say what is traced, and where to.
type TracingOptions struct {
	// Endpoint is the collector's URL, as http://collector:4318; empty sends
	// nothing. Spans still have IDs then, which logs tell.
	Endpoint string
	// Protocol is http or grpc.
	Protocol string
	// Resolver finds the collector's addresses; nil is the system's.
	Resolver *net.Resolver
	// Ratio is the share of traces that are kept where the caller doesn't say.
	// Those with an error are kept always.
	Ratio float64
	// Service, Version, Instance and Environment say whose spans they are.
	Service, Version, Instance, Environment string
	// Attributes say more of that, by names of the semantic conventions, as
	// k8s.pod.name. So does the variable OTEL_RESOURCE_ATTRIBUTES.
	Attributes map[string]string
	Logger     *zap.Logger
	// Kept counts traces that were kept for an error alone; it may be nil.
	Kept func()
}

// Tracing makes spans.
type Tracing struct {
	Provider   trace.TracerProvider
	Propagator propagation.TextMapPropagator
	provider   *sdktrace.TracerProvider
	resource   *resource.Resource
	keeper     *keeper // nil if nothing is sent
	numbers    *exportNumbers
}

// ValidateTracing refuses an endpoint or protocol that can't be used.
func ValidateTracing(endpoint, protocol string) error {
	if protocol != "http" && protocol != "grpc" {
		return fmt.Errorf("the protocol must be http or grpc, not %q", protocol)
	}
	if endpoint == "" {
		return nil
	}
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("the endpoint must be an http or https URL, not %q", Redact(endpoint))
	}
	if parsed.User != nil {
		return errors.New("the endpoint must have no user: give credentials as OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

// maxValue bounds values of attributes, in characters.
const maxValue = 4096

// NewTracing makes a tracer. Nothing is asked of the collector yet.
func NewTracing(ctx context.Context, options TracingOptions) (*Tracing, error) {
	if err := ValidateTracing(options.Endpoint, options.Protocol); err != nil {
		return nil, err
	}
	quieten(options.Logger)
	t := &Tracing{Propagator: propagation.TraceContext{}, resource: options.resource(), numbers: newExportNumbers(options.Logger)}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxValue
	settings := []sdktrace.TracerProviderOption{sdktrace.WithResource(t.resource), sdktrace.WithRawSpanLimits(limits)}
	if options.Endpoint == "" {
		// Nobody would see what is recorded.
		settings = append(settings, sdktrace.WithSampler(sdktrace.NeverSample()))
	} else {
		exporter, err := newExporter(ctx, options)
		if err != nil {
			return nil, err
		}
		batcher := newBatcher(exporter, t.numbers)
		t.keeper = newKeeper(batcher, options.Kept, time.Now)
		batcher.sweep = t.keeper.sweep
		go batcher.run()
		settings = append(settings, sdktrace.WithSampler(newSampler(options.Ratio)), sdktrace.WithSpanProcessor(t.keeper))
	}
	t.provider = sdktrace.NewTracerProvider(settings...)
	t.Provider = t.provider
	return t, nil
}

// resource says whose spans they are.
func (o TracingOptions) resource() *resource.Resource {
	attributes := []attribute.KeyValue{
		semconv.TelemetrySDKLanguageGo, semconv.TelemetrySDKName("opentelemetry"), semconv.TelemetrySDKVersion(sdk.Version()),
	}
	for _, one := range []attribute.KeyValue{
		semconv.ServiceName(o.Service), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Instance),
		semconv.DeploymentEnvironmentNameKey.String(o.Environment),
	} {
		if one.Value.AsString() != "" {
			attributes = append(attributes, one)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
		if value := o.Attributes[name]; value != "" {
			attributes = append(attributes, attribute.String(name, value))
		}
	}
	return resource.NewWithAttributes(semconv.SchemaURL, attributes...)
}

// Tracer gives a tracer by the name of what is traced.
func (t *Tracing) Tracer(name string) trace.Tracer { return t.Provider.Tracer(name) }

// isKept tells whether the trace of a span that is about to end will be found at
// the collector.
func (t *Tracing) isKept(span trace.Span, failed bool) bool {
	switch {
	case t.keeper == nil:
		return false
	case failed || span.SpanContext().IsSampled():
		return true
	}
	parent, is := span.(interface{ ChildSpanCount() int })
	return is && parent.ChildSpanCount() > 0 && t.keeper.failing(span.SpanContext().TraceID())
}

// Shutdown sends off what is left, until ctx ends.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send off the last traces: %w", err)
	}
	return nil
}

// Collector gives the metrics of tracing itself, and target_info.
func (t *Tracing) Collector() prometheus.Collector {
	labels := prometheus.Labels{}
	for _, one := range t.resource.Attributes() {
		labels[prometheusName(string(one.Key))] = one.Value.String()
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "target_info", Help: "Always 1; the labels are the resource that traces are of.", ConstLabels: labels,
	})
	info.Set(1)
	return collectors{
		info, t.numbers.processed, t.numbers.exported,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "otel_sdk_processor_span_queue_size", Help: "Spans that wait to be sent.",
		}, func() float64 {
			if t.keeper == nil {
				return 0
			}
			return float64(t.keeper.next.length())
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "otel_sdk_processor_span_queue_capacity", Help: "The most spans that may wait to be sent.",
		}, func() float64 { return maxQueued }),
	}
}
