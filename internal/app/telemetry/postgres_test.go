package telemetry

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

// pooled is a pool of a database of the test's own that is traced and measured.
func pooled(t testing.TB, tracing *Tracing, connections int32) (*pgxpool.Pool, *Metrics) {
	t.Helper()
	metrics := NewMetrics(Build{Version: "1.2.3", Commit: "c0ffee", Go: "go1"})
	config, err := pgxpool.ParseConfig(postgres.URL(t, postgres.Database(t)))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = connections
	config.ConnConfig.Tracer = NewPostgres(metrics, tracing)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	metrics.Register(NewPool(pool.Stat))
	return pool, metrics
}

func TestStatementsAreTracedAndMeasured(t *testing.T) {
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	pool, metrics := pooled(t, tracing, 2)
	ctx, root := tracing.Tracer("test").Start(t.Context(), "root")
	exec := func(ctx context.Context, sql string, args ...any) {
		_, _ = pool.Exec(ctx, sql, args...)
	}
	exec(ctx, "-- name: CreateThings :exec\nCREATE TABLE things (id int PRIMARY KEY, name text)")
	exec(ctx, "-- name: AddThing :exec\nINSERT INTO things VALUES ($1, $2)", 1, "hunter2")
	exec(ctx, "-- name: AddThing :exec\nINSERT INTO things VALUES ($1, $2)", 1, "a duplicate")
	exec(ctx, "SELECT 'hunter2', id / 0 FROM things")
	if _, err := pool.CopyFrom(ctx, pgx.Identifier{"things"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{2, "b"}})); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	exec(canceled, "-- name: Sleep :exec\nSELECT pg_sleep(30)")
	exec(t.Context(), "SELECT 1") // in no span, and to have a connection again
	late, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	exec(late, "-- name: Doze :exec\nSELECT pg_sleep(30)")
	root.End()
	flush(t, tracing)

	type told struct {
		name, operation, fault, code string
		failed                       bool
	}
	var got []told
	for _, span := range collector.Spans() {
		if span.GetName() == "root" {
			continue
		}
		if span.GetKind() != tracepb.Span_SPAN_KIND_CLIENT {
			t.Errorf("%s is a %s", span.GetName(), span.GetKind())
		}
		text := func(key string) string {
			value, _ := otlptest.Attribute(span, key).(string)
			return value
		}
		got = append(got, told{span.GetName(), text("db.operation.name"), text("error.type"), text("db.response.status_code"),
			span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR})
		if text("db.system.name") != "postgresql" || text("db.namespace") == "" || text("server.address") == "" || otlptest.Attribute(span, "server.port") == nil ||
			text("db.query.text") == "" || text("db.query.summary") != span.GetName() {
			t.Errorf("%s lacks attributes: %v", span.GetName(), attributes(span))
		}
	}
	want := []told{
		{"CreateThings", "CREATE", "", "", false},
		{"AddThing", "INSERT", "", "", false},
		{"AddThing", "INSERT", "23505", "23505", false}, // the store is prepared for it
		{"SELECT", "SELECT", "22012", "22012", true},
		{"COPY", "COPY", "", "", false},
		{"Sleep", "SELECT", "canceled", "", false},
		{"Doze", "SELECT", "timeout", "", true},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if sent := fmt.Sprint(collector.Resources()); containsAny(sent, "hunter2", "a duplicate") {
		t.Errorf("a value was sent: %s", sent)
	}
	for _, one := range []struct {
		operation, fault string
		count            float64
	}{{"INSERT", "", 1}, {"INSERT", "23505", 1}, {"SELECT", "", 1}, {"SELECT", "22012", 1}, {"SELECT", "canceled", 1}, {"SELECT", "timeout", 1}, {"COPY", "", 1}} {
		if got := gathered(t, metrics.registry, "db_client_operation_duration_seconds", "db_system_name", "postgresql",
			"db_operation_name", one.operation, "error_type", one.fault); got != one.count {
			t.Errorf("%v are measured of %v", got, one)
		}
	}
}

func TestThePoolIsMeasured(t *testing.T) {
	tracing, _ := traced(t, nil)
	pool, metrics := pooled(t, tracing, 1)
	value := func(name string, labels ...string) float64 {
		return gathered(t, metrics.registry, name, append(labels, "db_client_connection_pool_name", "postgresql")...)
	}
	held, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if used, most := value("db_client_connection_count", "db_client_connection_state", "used"), value("db_client_connection_max"); used != 1 || most != 1 {
		t.Errorf("%v of %v connections are used, want 1 of 1", used, most)
	}
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := pool.Acquire(late); err == nil {
		t.Fatal("there was another connection")
	}
	waiting, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := pool.Acquire(waiting)
		done <- err
	}()
	await(t, "somebody to wait", func() bool { return value("db_client_connection_pending_requests") == 1 })
	cancel()
	if err := <-done; err == nil {
		t.Fatal("there was another connection")
	}
	held.Release()
	await(t, "the connection to be idle", func() bool {
		return value("db_client_connection_count", "db_client_connection_state", "idle") == 1
	})
	for name, want := range map[string]float64{
		"db_client_connection_pending_requests": 0, "db_client_connection_timeouts_total": 1,
		"db_client_connection_wait_time_seconds": 1, "db_client_connection_create_time_seconds": 1,
	} {
		if got := value(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestStatementsWithoutEndAreNotRemembered(t *testing.T) {
	tracing, _ := traced(t, nil)
	p := NewPostgres(NewMetrics(Build{}), tracing)
	for i := range maxStatements + 10 {
		p.statement(fmt.Sprintf("SELECT %d", i))
	}
	if got := p.statement("SELECT 0"); got != p.statement("SELECT 0") || p.statements.size() != maxStatements {
		t.Errorf("%d statements are remembered, want %d", p.statements.size(), maxStatements)
	}
	p.TraceQueryEnd(t.Context(), nil, pgx.TraceQueryEndData{}) // begun before there was a tracer
	p.TraceAcquireEnd(t.Context(), nil, pgxpool.TraceAcquireEndData{})
	p.TraceConnectEnd(t.Context(), pgx.TraceConnectEndData{})
}
