package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// exportTimeout bounds one attempt to send a batch. One that fails is repeated
// for as long as retryTime; meanwhile spans queue up.
const (
	exportTimeout = 5 * time.Second
	retryFirst    = 500 * time.Millisecond
	retryLongest  = 2 * time.Second
	retryTime     = 10 * time.Second
)

// tracesPath is where OTLP/HTTP takes traces, below the collector's own URL.
const tracesPath = "/v1/traces"

func newExporter(ctx context.Context, options TracingOptions) (sdktrace.SpanExporter, error) {
	endpoint, err := url.Parse(options.Endpoint)
	if err != nil {
		return nil, errors.New("the endpoint is no URL") // it may hold a password
	}
	var client otlptrace.Client
	if options.Protocol == "grpc" {
		client = grpcClient(endpoint, options.Resolver)
	} else {
		client = httpClient(endpoint, options.Resolver)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	return cleaning{exporter}, nil
}

func httpClient(endpoint *url.URL, resolver *net.Resolver) otlptrace.Client {
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint = endpoint.JoinPath(tracesPath)
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(endpoint.String()), otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLongest, MaxElapsedTime: retryTime,
		}),
	}
	if resolver != nil {
		options = append(options, otlptracehttp.WithHTTPClient(&http.Client{
			Timeout: exportTimeout,
			Transport: &http.Transport{
				DialContext: (&net.Dialer{Timeout: exportTimeout, Resolver: resolver}).DialContext, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
			},
		}))
	}
	return otlptracehttp.NewClient(options...)
}

func grpcClient(endpoint *url.URL, resolver *net.Resolver) otlptrace.Client {
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpointURL(endpoint.String()), otlptracegrpc.WithTimeout(exportTimeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLongest, MaxElapsedTime: retryTime,
		}),
	}
	if resolver != nil {
		dialer := &net.Dialer{Timeout: exportTimeout, Resolver: resolver}
		options = append(options, otlptracegrpc.WithEndpoint("passthrough:///"+endpoint.Host), otlptracegrpc.WithDialOption(
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp", address)
			})))
	}
	return otlptracegrpc.NewClient(options...)
}

// exportNumbers counts what becomes of spans. Names are those that the semantic
// conventions give the SDK's own metrics.
type exportNumbers struct {
	processed, exported *prometheus.CounterVec
	lost                map[loss]prometheus.Counter
	complaint           complaint
}

func newExportNumbers(logger *zap.Logger) *exportNumbers {
	n := &exportNumbers{
		processed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "otel_sdk_processor_span_processed_total",
			Help: "Spans to send, by why they were lost before: queue_full, held_full or shutdown; nothing for those that weren't.",
		}, []string{"error_type"}),
		exported: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "otel_sdk_exporter_span_exported_total",
			Help: "Spans that were sent to the collector, by why it didn't take them: timeout, canceled, connection, rejected or _OTHER; nothing if it did.",
		}, []string{"error_type"}),
		lost:      map[loss]prometheus.Counter{},
		complaint: complaint{logger: logger},
	}
	for _, why := range []loss{lostQueue, lostHeld, lostEnd} {
		n.lost[why] = n.processed.WithLabelValues(string(why))
	}
	for _, why := range []string{"", errorTimeout, errorCanceled, errorConnection, errorRejected, errorOther} {
		n.exported.WithLabelValues(why)
	}
	n.processed.WithLabelValues("")
	return n
}

// sent tells what became of a batch.
func (n *exportNumbers) sent(spans int, err error) {
	n.processed.WithLabelValues("").Add(float64(spans))
	n.exported.WithLabelValues(exportErrorType(err)).Add(float64(spans))
	n.complaint.hear(spans, err, time.Now())
}

func exportErrorType(err error) string {
	if answered, is := status.FromError(err); is && err != nil {
		switch answered.Code() {
		case codes.DeadlineExceeded:
			return errorTimeout
		case codes.Canceled:
			return errorCanceled
		case codes.Unavailable:
			return errorConnection
		}
		return errorRejected
	}
	// OTLP by HTTP has no type for it.
	if err != nil && (strings.Contains(err.Error(), "partial success") || strings.Contains(err.Error(), "failed to send to")) {
		return errorRejected
	}
	return errorType(err)
}

// complaint logs exports that fail: the first one, and then one line a minute.
type complaint struct {
	logger  *zap.Logger
	mutex   sync.Mutex
	lost    int
	said    time.Time
	failing bool
}

const complaintInterval = time.Minute

func (c *complaint) hear(spans int, err error, now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case err == nil && c.failing:
		c.logger.Info("the collector takes traces again")
		c.failing, c.lost, c.said = false, 0, time.Time{}
	case err != nil:
		c.failing = true
		c.lost += spans
		if now.Sub(c.said) >= complaintInterval {
			c.logger.Warn("traces are lost: the collector doesn't take them", zap.Int("spans", c.lost), zap.Error(err))
			c.lost, c.said = 0, now
		}
	}
}
