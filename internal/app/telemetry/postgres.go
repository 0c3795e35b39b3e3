package telemetry

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Names of systems and pools, as metrics and spans have them.
const (
	postgresName = "postgresql"
	redisName    = "redis"
)

// Postgres traces and measures what pgx does: each statement, connections made
// and waits for one. A statement has a span only within another: what the service
// asks for by itself, now and then, would be a trace each.
type Postgres struct {
	clients    *clients
	tracer     trace.Tracer
	server     atomic.Pointer[[]attribute.KeyValue] // known with the first connection
	statements lookup[string, *statement]
	operations lookup[operationKey, prometheus.Observer]
	waits      prometheus.Observer
	pending    prometheus.Gauge
	timeouts   prometheus.Counter
	creations  prometheus.Observer
}

var (
	_ pgx.QueryTracer       = (*Postgres)(nil)
	_ pgx.ConnectTracer     = (*Postgres)(nil)
	_ pgx.CopyFromTracer    = (*Postgres)(nil)
	_ pgxpool.AcquireTracer = (*Postgres)(nil)
)

// NewPostgres makes a tracer for pgx.ConnConfig.
func NewPostgres(metrics *Metrics, tracing *Tracing) *Postgres {
	c := &metrics.clients
	return &Postgres{
		clients: c, tracer: tracing.Tracer("postgres"),
		waits: c.waits.WithLabelValues(postgresName), pending: c.pending.WithLabelValues(postgresName),
		timeouts: c.timeouts.WithLabelValues(postgresName), creations: c.creations.WithLabelValues(postgresName),
	}
}

// running is a statement, or what else takes time, under way.
type running struct {
	statement *statement
	span      trace.Span // nil if there is none
	began     time.Time
}

type runningKey struct{}

type acquireKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (p *Postgres) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return p.begin(ctx, p.statement(data.SQL))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (p *Postgres) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	p.end(ctx, data.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (p *Postgres) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return p.begin(ctx, p.statement("COPY "+data.TableName.Sanitize()+" FROM STDIN"))
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (p *Postgres) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	p.end(ctx, data.Err)
}

func (p *Postgres) statement(sql string) *statement {
	var server []attribute.KeyValue
	if known := p.server.Load(); known != nil {
		server = *known
	}
	read := func() *statement { return newStatement(sql, server) }
	if p.statements.size() >= maxStatements {
		if known, has := p.statements.find(sql); has {
			return known
		}
		return read()
	}
	return p.statements.get(sql, read)
}

func (p *Postgres) begin(ctx context.Context, statement *statement) context.Context {
	r := &running{statement: statement, began: time.Now()}
	if trace.SpanFromContext(ctx).IsRecording() {
		ctx, r.span = p.tracer.Start(ctx, statement.summary, statement.start...)
	}
	return context.WithValue(ctx, runningKey{}, r)
}

func (p *Postgres) end(ctx context.Context, err error) {
	r, ok := ctx.Value(runningKey{}).(*running)
	if !ok {
		return
	}
	code, failed := postgresError(err)
	p.clients.operation(&p.operations, operationKey{postgresName, r.statement.operation, code}).Observe(time.Since(r.began).Seconds())
	if r.span == nil {
		return
	}
	if code != "" {
		r.span.SetAttributes(semconv.ErrorTypeKey.String(code))
		if len(code) == sqlState {
			r.span.SetAttributes(semconv.DBResponseStatusCode(code))
		}
	}
	if failed {
		r.span.RecordError(err)
		r.span.SetStatus(codes.Error, err.Error())
	}
	r.span.End()
}

// sqlState is the length of Postgres' codes of errors.
const sqlState = 5

// postgresError sorts errors by the server's code, or by how it wasn't reached.
// Failed are those that a caller isn't prepared for: neither broken constraints,
// by which the store learns of duplicates, nor its own change of mind.
func postgresError(err error) (code string, failed bool) {
	if err == nil || errors.Is(err, pgx.ErrNoRows) {
		return "", false
	}
	if code = errorType(err); code == errorCanceled {
		return code, false
	}
	var server *pgconn.PgError
	if code == errorOther && errors.As(err, &server) && len(server.Code) == sqlState {
		return server.Code, !strings.HasPrefix(server.Code, "23") // integrity constraint violation
	}
	return code, true
}

// TraceConnectStart implements pgx.ConnectTracer.
func (p *Postgres) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	if p.server.Load() == nil && data.ConnConfig != nil {
		p.server.CompareAndSwap(nil, &[]attribute.KeyValue{
			semconv.ServerAddress(data.ConnConfig.Host), semconv.ServerPort(int(data.ConnConfig.Port)), semconv.DBNamespace(data.ConnConfig.Database),
		})
	}
	return context.WithValue(ctx, runningKey{}, &running{began: time.Now()})
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (p *Postgres) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	if r, ok := ctx.Value(runningKey{}).(*running); ok && data.Err == nil {
		p.creations.Observe(time.Since(r.began).Seconds())
	}
}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (p *Postgres) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	p.pending.Inc()
	return context.WithValue(ctx, acquireKey{}, time.Now())
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (p *Postgres) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	p.pending.Dec()
	began, ok := ctx.Value(acquireKey{}).(time.Time)
	switch {
	case !ok:
	case data.Err == nil:
		p.waits.Observe(time.Since(began).Seconds())
	case errors.Is(data.Err, context.DeadlineExceeded):
		p.timeouts.Inc()
	}
}
