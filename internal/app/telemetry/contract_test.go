package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/telemetry/contract"
)

var (
	_ cache.Observer  = (*Metrics)(nil)
	_ limits.Observer = (*Metrics)(nil)
	_ flags.Observer  = (*Metrics)(nil)
	_ faults.Observer = (*Metrics)(nil)
	_ auth.Observer   = (*Metrics)(nil)
	_ queue.Observer  = (*Metrics)(nil)
)

type noAudit struct{ err error }

func (n noAudit) Record(context.Context, auth.Entry) error { return n.err }
func (n noAudit) List(context.Context, auth.AuditQuery) (auth.AuditPage, error) {
	return auth.AuditPage{}, n.err
}

// What telemetry gives when everything is told once is what the contract has.
func TestTheContractIsKept(t *testing.T) {
	agreed, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = 1 })
	pool, metrics := pooled(t, tracing, 2)
	metrics.Register(tracing.Collector())
	p, logger, flushLog := logging(t, "debug")
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	WatchRedis(client, metrics, tracing)
	shedder, err := limits.NewShedder(limits.ShedderOptions{Lanes: limits.DefaultLanes(), Observer: metrics})
	if err != nil {
		t.Fatal(err)
	}
	metrics.Register(NewLanes(shedder))

	h := NewHTTP(metrics, tracing, logger)
	for _, status := range []int{http.StatusOK, http.StatusNotFound, http.StatusServiceUnavailable} {
		r := httptest.NewRequest(http.MethodPost, "http://shop.example:80/api/v1/orders", http.NoBody)
		r.Header.Set("User-Agent", "test")
		ctx, end := h.Begin(r, "/api/v1/orders")
		if _, err := pool.Exec(ctx, "-- name: One :exec\nSELECT 1"); err != nil {
			t.Fatal(err)
		}
		client.Get(ctx, "a")
		outcome := api.Outcome{RequestID: "r-1", Path: "/api/v1/orders", Route: "/api/v1/orders", Status: status, Flags: snapshot(t), User: "somebody", Address: "192.0.2.1", Cache: "hit"}
		if status != http.StatusOK {
			outcome.Err = errors.New("no")
		}
		end(outcome)
	}
	r := NewRPC(metrics, logger)
	ctx, span := tracing.Tracer("test").Start(t.Context(), "call")
	r.CallBegins("/a.B/C")
	r.CallEnds(ctx, rpc.Outcome{Method: "/a.B/C", RequestID: "r-1", Code: "INTERNAL", Reason: "internal", ServerFault: true, Err: errors.New("no"), Flags: snapshot(t)})
	span.End()

	metrics.CacheRead(cache.Hit, cache.Local)
	metrics.CacheRead("made up", cache.Local)
	metrics.CacheInvalidation(true)
	metrics.CacheUp(false)
	metrics.CacheLocal(true, nil)
	metrics.Limited("read", limits.Lease, false)
	metrics.Limited("made up", limits.Lease, false)
	metrics.LeaseTaken(time.Millisecond, nil)
	metrics.LimiterUp(false)
	metrics.Shed(limits.Point, limits.Full)
	metrics.FlagFileRead(true)
	metrics.FlagOverridesRead(false)
	metrics.FlagsOverridden(2)
	metrics.FaultInjected("/x", faults.Delay)
	metrics.TokenChecked(auth.ResultVerified)
	metrics.KeysFetched(nil)
	metrics.JobWorked("order-reserve", queue.Worked, time.Millisecond)
	metrics.QueueSampled(map[string]int64{"available": 3}, time.Second)
	metrics.TraceKept()
	for _, err := range []error{nil, errors.New("no")} {
		if got := NewAuditor(noAudit{err}, metrics).Record(t.Context(), auth.Entry{Outcome: auth.Done}); !errors.Is(got, err) {
			t.Errorf("recording gives %v, want %v", got, err)
		}
	}
	flush(t, tracing)
	flushLog()

	report := func(problems []contract.Problem, except ...string) {
		t.Helper()
		for _, problem := range problems {
			if !slices.Contains(except, problem.Signal) {
				t.Error(problem)
			}
		}
	}
	report(agreed.CheckMetrics([]byte(scrape(t, metrics, "text/plain"))))
	report(agreed.CheckExemplars([]byte(scrape(t, metrics, "application/openmetrics-text"))))
	elsewhere := []string{ // other packages' own
		"test: call", "queue: process (order-reserve|order-confirm)", "listening", "feature flags have changed",
		"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc: [A-Za-z0-9_.]+/[A-Za-z0-9]+|_OTHER",
	}
	report(agreed.CheckSpans(contract.FromOTLP(collector.Resources())), elsewhere...)
	report(agreed.CheckLogs([]byte(p.String())), elsewhere...)

	for name, want := range map[string]float64{
		"cache_up": 0, "cache_local_up": 1, "rate_limit_shared": 0, "queue_lag_seconds": 1, "feature_flag_overrides": 2,
		"traces_kept_for_error_total": 1, "target_info": 1, "app_build_info": 1,
	} {
		if got := gathered(t, metrics.registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, one := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"cache_requests_total", []string{"result", "hit", "tier", "local"}, 1},
		{"cache_invalidations_total", []string{"result", "done"}, 1},
		{"rate_limit_decisions_total", []string{"budget", "read", "outcome", "limited", "source", "lease"}, 1},
		{"rate_limit_lease_duration_seconds", []string{"outcome", "ok"}, 1},
		{"shed_requests_total", []string{"lane", "point", "reason", "full"}, 1},
		{"concurrency_limit", []string{"lane", "point"}, 64},
		{"feature_flag_file_reads_total", []string{"outcome", "ok"}, 1},
		{"feature_flag_override_reads_total", []string{"outcome", "failed"}, 1},
		{"fault_injections_total", []string{"kind", "delay"}, 1},
		{"auth_tokens_total", []string{"result", "verified"}, 1},
		{"auth_key_fetches_total", []string{"outcome", "ok"}, 1},
		{"messaging_process_duration_seconds", []string{"messaging_destination_name", "order-reserve", "outcome", "worked"}, 1},
		{"queue_jobs", []string{"state", "available"}, 3},
		{"audit_entries_total", []string{"audit_outcome", "done", "outcome", "ok"}, 1},
		{"audit_entries_total", []string{"audit_outcome", "done", "outcome", "failed"}, 1},
	} {
		if got := gathered(t, metrics.registry, one.name, one.labels...); got != one.want {
			t.Errorf("%s%v is %v, want %v", one.name, one.labels, got, one.want)
		}
	}
}

// The objective for latency is measured at 0.3 s, and the goal of p99 at 25 ms.
func TestBucketsHoldTheObjectives(t *testing.T) {
	buckets := durationBuckets()
	for _, bound := range []float64{0.025, 0.3} {
		if !slices.Contains(buckets, bound) {
			t.Errorf("there is no bucket of %v s: %v", bound, buckets)
		}
	}
	if !slices.IsSorted(buckets) {
		t.Errorf("they aren't in order: %v", buckets)
	}
}

func TestCombinationsOfFlagsAreBounded(t *testing.T) {
	metrics := NewMetrics(Build{})
	for i := range maxSnapshots + 10 {
		metrics.evaluated("a=" + string(rune('a'+i)))
	}
	metrics.evaluated("")
	if got := gathered(t, metrics.registry, "feature_flag_evaluations_total"); got != maxSnapshots {
		t.Errorf("%v are counted, want %d", got, maxSnapshots)
	}
}

func TestOpenTelemetrysOwnWordsGoToTheLog(t *testing.T) {
	p, logger, flush := logging(t, "debug")
	quieten(logger)
	t.Cleanup(func() { quieten(zap.NewNop()) })
	sayAsOpenTelemetry(errors.New("password=hunter2"))
	flush()
	if got := p.lines(t); len(got) != 1 || got[0]["error"] != "password=[redacted]" {
		t.Errorf("the log has %v", got)
	}
}
