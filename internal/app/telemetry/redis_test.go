package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

func TestCommandsAreTracedAndMeasured(t *testing.T) {
	server := miniredis.RunT(t)
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	metrics := NewMetrics(Build{})
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), DB: 3, MaxRetries: -1, DisableIdentity: true, PoolSize: 7})
	t.Cleanup(func() { _ = client.Close() })
	WatchRedis(client, metrics, tracing)

	ctx, root := tracing.Tracer("test").Start(t.Context(), "root")
	client.Get(ctx, "hunter2-absent")
	client.Set(ctx, "hunter2", "hunter2", 0)
	client.HGet(ctx, "hunter2", "hunter2") // of the wrong type
	_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, "hunter2-count")
		p.Incr(ctx, "hunter2-count")
		return nil
	})
	client.EvalSha(ctx, "0000000000000000000000000000000000000000", nil)
	client.Get(t.Context(), "in no span")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	client.Get(canceled, "hunter2")
	server.Close()
	client.Get(ctx, "hunter2")
	root.End()
	flush(t, tracing)

	type told struct {
		name, fault string
		failed      bool
		batch       any
	}
	var got []told
	for _, span := range collector.Spans() {
		if span.GetName() == "root" || span.GetName() == "SELECT" || span.GetName() == "HELLO" || span.GetName() == "CLIENT" {
			continue
		}
		fault, _ := otlptest.Attribute(span, "error.type").(string)
		got = append(got, told{span.GetName(), fault, span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR, otlptest.Attribute(span, "db.operation.batch.size")})
		if span.GetKind() != tracepb.Span_SPAN_KIND_CLIENT || otlptest.Attribute(span, "db.system.name") != "redis" || otlptest.Attribute(span, "db.namespace") != "3" ||
			otlptest.Attribute(span, "server.address") != "127.0.0.1" || otlptest.Attribute(span, "db.operation.name") != span.GetName() {
			t.Errorf("%s lacks attributes: %v", span.GetName(), attributes(span))
		}
	}
	want := []told{
		{"GET", "", false, nil}, {"SET", "", false, nil}, {"HGET", "rejected", true, nil}, {"PIPELINE", "", false, int64(2)},
		{"EVALSHA", "", false, nil}, {"GET", "canceled", false, nil}, {"GET", "connection", true, nil},
	}
	got = withoutHandshakes(got, func(one told) bool { return one.name == "PIPELINE" && one.batch != int64(2) })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if sent := fmt.Sprint(collector.Resources()); strings.Contains(sent, "hunter2") {
		t.Errorf("a key or value was sent: %s", sent)
	}
	for fault, count := range map[string]float64{"": 2, "canceled": 1, "connection": 1} {
		if got := gathered(t, metrics.registry, "db_client_operation_duration_seconds", "db_system_name", "redis", "db_operation_name", "GET", "error_type", fault); got != count {
			t.Errorf("%v GETs are measured with error %q, want %v", got, fault, count)
		}
	}
	if got := gathered(t, metrics.registry, "db_client_connection_max", "db_client_connection_pool_name", "redis"); got != 7 {
		t.Errorf("the pool may hold %v connections, want 7", got)
	}
	if got := gathered(t, metrics.registry, "db_client_connection_create_time_seconds", "db_client_connection_pool_name", "redis"); got < 1 {
		t.Errorf("%v connections were made, want some", got)
	}
}

// withoutHandshakes leaves out what go-redis does by itself on a new connection.
func withoutHandshakes[T any](all []T, handshake func(T) bool) []T {
	var rest []T
	for _, one := range all {
		if !handshake(one) {
			rest = append(rest, one)
		}
	}
	return rest
}

func TestCommandsWithoutEndAreOneLabel(t *testing.T) {
	h := &redisHook{}
	for i := range maxCommands + 10 {
		h.command(fmt.Sprintf("c%d", i))
	}
	if got := h.command("another").name; got != otherOperation {
		t.Errorf("the name is %s, want %s", got, otherOperation)
	}
	if got := h.command("c1").name; got != "C1" {
		t.Errorf("the name is %s, want C1", got)
	}
}

func TestErrorsOfRedisAreSorted(t *testing.T) {
	for want, errs := range map[string][]error{
		"":           {nil, redis.Nil, fmt.Errorf("get: %w", redis.Nil)},
		"timeout":    {redis.ErrPoolTimeout, context.DeadlineExceeded},
		"canceled":   {context.Canceled},
		"connection": {redis.ErrClosed, &net.OpError{Op: "read", Err: errors.New("reset")}},
		"_OTHER":     {errors.New("?")},
	} {
		for _, err := range errs {
			if got := redisError(err); got != want {
				t.Errorf("%v is %q, want %q", err, got, want)
			}
		}
	}
}
