package telemetry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/limits"
)

// cpu reports how much processor time an iteration takes, the collector of traces
// and of garbage included: unlike the time that passes, it says the same on a
// machine that is busy with other things.
func cpu(b *testing.B, loop func()) {
	b.Helper()
	b.ReportAllocs()
	before := used(b)
	loop()
	b.ReportMetric(float64(used(b)-before)/float64(b.N), "cpu-ns/op")
}

func used(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func benchRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/products/0198f6a1-7a6e-7c33-9d5f-3a1f4f1b2c3d", http.NoBody)
	r.Header.Set("User-Agent", "bench/1.0")
	return r
}

func benchOutcome(b *testing.B) api.Outcome {
	b.Helper()
	return api.Outcome{
		RequestID: "0198f6a1-7a6e-7c33-9d5f-3a1f4f1b2c3e", Method: http.MethodGet, Path: "/api/v1/products/0198f6a1-7a6e-7c33-9d5f-3a1f4f1b2c3d",
		Route: "/api/v1/products/:id", Status: http.StatusOK, Bytes: 321, Took: 412 * time.Microsecond, Address: "192.0.2.17",
		User: "a-viewer", Cache: "hit", Flags: snapshot(b),
	}
}

func benchTracing(b *testing.B, endpoint string, ratio float64) *Tracing {
	b.Helper()
	tracing, err := NewTracing(b.Context(), TracingOptions{
		Endpoint: endpoint, Protocol: "http", Ratio: ratio, Service: "pocctl", Version: "1", Instance: "bench", Logger: zap.NewNop(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tracing.Shutdown(context.Background()) })
	return tracing
}

func benchLogger(b *testing.B, out io.Writer) *zap.Logger {
	b.Helper()
	logger, flush, err := NewLogger(out, "info")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(flush)
	return logger
}

// BenchmarkRequest is all that telemetry does for a cached read.
func BenchmarkRequest(b *testing.B) {
	for _, test := range []struct {
		name  string
		ratio float64
	}{{"unsampled", 0}, {"a-tenth-sampled", 0.1}, {"sampled", 1}} {
		b.Run(test.name, func(b *testing.B) {
			collector := blackHole(b)
			metrics := NewMetrics(Build{})
			h := NewHTTP(metrics, benchTracing(b, collector, test.ratio), benchLogger(b, io.Discard))
			r, outcome := benchRequest(), benchOutcome(b)
			cpu(b, func() {
				for b.Loop() {
					_, end := h.Begin(r, "/api/v1/products/:id")
					metrics.Limited("address", limits.Local, true)
					metrics.Limited("read", limits.Lease, true)
					metrics.CacheRead(cache.Hit, cache.Local)
					end(outcome)
				}
			})
		})
	}
}

// BenchmarkSpan is the span of a request alone, and its attributes.
func BenchmarkSpan(b *testing.B) {
	for _, test := range []struct {
		name, endpoint string
		ratio          float64
	}{{"not-sent", "", 0}, {"unsampled", "http://127.0.0.1:9", 0}, {"sampled", "http://127.0.0.1:9", 1}} {
		b.Run(test.name, func(b *testing.B) {
			tracing := benchTracing(b, test.endpoint, test.ratio)
			sendNothing(b, tracing)
			h := NewHTTP(NewMetrics(Build{}), tracing, zap.NewNop())
			r, outcome := benchRequest(), benchOutcome(b)
			route := h.route(routeKey{http.MethodGet, "/api/v1/products/:id"})
			cpu(b, func() {
				for b.Loop() {
					_, span := h.tracer.Start(b.Context(), route.span, h.kind...)
					if tracing.isKept(span, false) {
						annotate(span, route, r, &outcome)
					}
					span.End()
				}
			})
		})
	}
}

// BenchmarkAccessLine compares ways to write the line of a request.
func BenchmarkAccessLine(b *testing.B) {
	outcome := benchOutcome(b)
	line := &access{
		level: zapcore.InfoLevel, message: "request", span: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}),
		requestID: outcome.RequestID, user: outcome.User, flags: outcome.Flags, method: outcome.Method, path: outcome.Path, route: outcome.Route,
		status: outcome.Status, bytes: outcome.Bytes, took: outcome.Took, address: outcome.Address, cache: outcome.Cache,
	}
	for _, test := range []struct {
		name string
		log  func(b *testing.B) *accessLog
	}{
		{"ours", func(b *testing.B) *accessLog { return newAccessLog(benchLogger(b, toFile(b))) }},
		{"zap-redacted", func(b *testing.B) *accessLog {
			log := newAccessLog(benchLogger(b, toFile(b)))
			log.fast = nil
			return log
		}},
		{"zap-unbuffered", func(b *testing.B) *accessLog {
			form := zap.NewProductionEncoderConfig()
			form.EncodeTime = zapcore.RFC3339NanoTimeEncoder
			return newAccessLog(zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(form), zapcore.Lock(zapcore.AddSync(toFile(b))), zap.InfoLevel)))
		}},
	} {
		b.Run(test.name, func(b *testing.B) {
			log := test.log(b)
			cpu(b, func() {
				for b.Loop() {
					log.write(line)
				}
			})
		})
	}
}

// BenchmarkMeasure is what a cached read counts.
func BenchmarkMeasure(b *testing.B) {
	metrics := NewMetrics(Build{})
	duration := metrics.requestDuration.WithLabelValues("GET", "/", "200", "", "http")
	active := metrics.activeRequests.WithLabelValues("GET", "http")
	cpu(b, func() {
		for b.Loop() {
			active.Inc()
			metrics.Limited("address", limits.Local, true)
			metrics.Limited("read", limits.Lease, true)
			metrics.CacheRead(cache.Hit, cache.Local)
			active.Dec()
			duration.Observe(0.0004)
		}
	})
	if with, ok := duration.(prometheus.ExemplarObserver); ok {
		b.Run("exemplar", func(b *testing.B) {
			span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}})
			cpu(b, func() {
				for b.Loop() {
					with.ObserveWithExemplar(0.0004, prometheus.Labels{"trace_id": span.TraceID().String()})
				}
			})
		})
	}
}

// BenchmarkMiddleware is what spans and metrics add to a handler.
func BenchmarkMiddleware(b *testing.B) {
	gin.SetMode(gin.ReleaseMode)
	tracing := benchTracing(b, "http://127.0.0.1:9", 0)
	h := NewHTTP(NewMetrics(Build{}), tracing, zap.NewNop())
	body := []byte("{}")
	serve := func(c *gin.Context) { c.Data(http.StatusOK, "application/json", body) }
	for _, test := range []struct {
		name  string
		build func() http.Handler
	}{
		{"none", func() http.Handler {
			engine := gin.New()
			engine.GET("/api/v1/products/:id", serve)
			return engine
		}},
		{"ours", func() http.Handler {
			engine, outcome := gin.New(), benchOutcome(b)
			engine.Use(func(c *gin.Context) {
				ctx, end := h.Begin(c.Request, c.FullPath())
				c.Request = c.Request.WithContext(ctx)
				c.Next()
				end(outcome)
			})
			engine.GET("/api/v1/products/:id", serve)
			return engine
		}},
	} {
		b.Run(test.name, func(b *testing.B) {
			handler, r, w := test.build(), benchRequest(), &nowhere{header: http.Header{}}
			cpu(b, func() {
				for b.Loop() {
					clear(w.header)
					handler.ServeHTTP(w, r)
				}
			})
		})
	}
}

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header            { return n.header }
func (n *nowhere) Write(body []byte) (int, error) { return len(body), nil }
func (n *nowhere) WriteHeader(int)                {}

// blackHole takes traces, and keeps none.
func blackHole(b *testing.B) string {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

func toFile(b *testing.B) io.Writer {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return file
}

// BenchmarkStatement is what tracing and measuring add to a query.
func BenchmarkStatement(b *testing.B) {
	const sql = "-- name: GetProduct :one\nSELECT id, sku, name FROM products WHERE id = $1"
	benchWithin(b, func(tracing *Tracing) func(context.Context) {
		tracer := NewPostgres(NewMetrics(Build{}), tracing)
		return func(ctx context.Context) {
			tracer.TraceQueryEnd(tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: sql}), nil, pgx.TraceQueryEndData{})
		}
	})
}

// BenchmarkCommand is what they add to a command of Redis.
func BenchmarkCommand(b *testing.B) {
	benchWithin(b, func(tracing *Tracing) func(context.Context) {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:9"})
		b.Cleanup(func() { _ = client.Close() })
		WatchRedis(client, NewMetrics(Build{}), tracing)
		client.AddHook(nothing{})
		return func(ctx context.Context) { client.Get(ctx, "key") }
	})
}

// benchWithin does something four times to a request.
func benchWithin(b *testing.B, build func(*Tracing) func(context.Context)) {
	b.Helper()
	for _, ratio := range []float64{0, 1} {
		b.Run(fmt.Sprintf("sampled=%v", ratio), func(b *testing.B) {
			tracing := benchTracing(b, "http://127.0.0.1:9", ratio)
			sendNothing(b, tracing)
			do := build(tracing)
			cpu(b, func() {
				ctx, root := tracing.Tracer("test").Start(b.Context(), "root")
				for i := 0; b.Loop(); i++ {
					if i%4 == 3 {
						root.End()
						ctx, root = tracing.Tracer("test").Start(b.Context(), "root")
					}
					do(ctx)
				}
				root.End()
			})
		})
	}
}

// sendNothing has spans end where they would be queued.
func sendNothing(b *testing.B, tracing *Tracing) {
	b.Helper()
	if tracing.keeper == nil {
		return
	}
	if err := tracing.keeper.next.shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// nothing answers in the place of Redis.
type nothing struct{}

func (nothing) DialHook(next redis.DialHook) redis.DialHook { return next }
func (nothing) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return nil }
}
func (nothing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
