package telemetry

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// WatchRedis traces and measures what client does from now on, and shows its
// pool. A command has a span only within another, as with Postgres; it has the
// command's name, and neither keys nor values.
func WatchRedis(client *redis.Client, metrics *Metrics, tracing *Tracing) {
	options := client.Options()
	server := []attribute.KeyValue{semconv.DBSystemNameRedis, semconv.DBNamespace(strconv.Itoa(options.DB))}
	if host, port, err := net.SplitHostPort(options.Addr); err == nil {
		server = append(server, semconv.ServerAddress(host))
		if number, err := strconv.Atoi(port); err == nil {
			server = append(server, semconv.ServerPort(number))
		}
	}
	client.AddHook(&redisHook{
		clients: &metrics.clients, tracer: tracing.Tracer("redis"), server: server,
		creations: metrics.clients.creations.WithLabelValues(redisName), timeouts: metrics.clients.timeouts.WithLabelValues(redisName),
	})
	metrics.Register(newRedisPool(client))
}

type redisHook struct {
	clients    *clients
	tracer     trace.Tracer
	server     []attribute.KeyValue
	commands   lookup[string, *command]
	operations lookup[operationKey, prometheus.Observer]
	creations  prometheus.Observer
	timeouts   prometheus.Counter
}

// command is what all executions of a command have in common.
type command struct {
	name  string
	start []trace.SpanStartOption
}

// maxCommands bounds metrics' labels. There are as many as the service's code has.
const maxCommands = 50

// pipeline is the semantic conventions' name for several commands at once.
const pipeline = "PIPELINE"

func (h *redisHook) command(name string) *command {
	if known, has := h.commands.find(name); has {
		return known
	}
	if h.commands.size() >= maxCommands {
		name = otherOperation
	}
	return h.commands.get(name, func() *command {
		upper := strings.ToUpper(name)
		attributes := append([]attribute.KeyValue{semconv.DBOperationName(upper), semconv.DBQuerySummary(upper)}, h.server...)
		return &command{name: upper, start: []trace.SpanStartOption{
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...),
		}}
	})
}

// DialHook implements redis.Hook.
func (h *redisHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		began := time.Now()
		connection, err := next(ctx, network, address)
		if err == nil {
			h.creations.Observe(time.Since(began).Seconds())
		}
		return connection, err
	}
}

// ProcessHook implements redis.Hook.
func (h *redisHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		return h.watch(ctx, h.command(c.Name()), 0, func(ctx context.Context) error { return next(ctx, c) })
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h *redisHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, all []redis.Cmder) error {
		return h.watch(ctx, h.command(pipeline), len(all), func(ctx context.Context) error { return next(ctx, all) })
	}
}

func (h *redisHook) watch(ctx context.Context, command *command, batch int, do func(context.Context) error) error {
	var span trace.Span
	if trace.SpanFromContext(ctx).IsRecording() {
		ctx, span = h.tracer.Start(ctx, command.name, command.start...)
	}
	began := time.Now()
	err := do(ctx)
	fault := redisError(err)
	h.clients.operation(&h.operations, operationKey{redisName, command.name, fault}).Observe(time.Since(began).Seconds())
	if errors.Is(err, redis.ErrPoolTimeout) {
		h.timeouts.Inc()
	}
	if span == nil {
		return err
	}
	if batch > 0 {
		span.SetAttributes(semconv.DBOperationBatchSize(batch))
	}
	if fault != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(fault))
		if fault != errorCanceled {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
	}
	span.End()
	return err
}

// redisError sorts errors. That a key isn't there, or a script has to be sent
// first, is none.
func redisError(err error) string {
	var server redis.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "NOSCRIPT"):
		return ""
	case errors.Is(err, redis.ErrPoolTimeout):
		return errorTimeout
	case errors.Is(err, redis.ErrClosed):
		return errorConnection
	case errors.As(err, &server):
		return errorRejected
	}
	return errorType(err)
}
