package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func TestOptionsThatCannotBeUsedAreRefused(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	pool := open(t, "postgres://nowhere.invalid/x").Pool()
	const jobs, dead = "https://sqs.eu-west-1.amazonaws.com/1/jobs", "https://sqs.eu-west-1.amazonaws.com/1/dead"
	for name, test := range map[string]struct {
		change func(*queue.Options)
		want   string
	}{
		"River":            {func(*queue.Options) {}, ""},
		"River by name":    {func(o *queue.Options) { o.Kind = queue.River }, ""},
		"only adding jobs": {func(o *queue.Options) { o.Work, o.Workers = false, 0 }, ""},
		"SQS": {func(o *queue.Options) {
			o.SQS = queue.SQSOptions{QueueURL: jobs, DeadLetterURL: dead, Region: "eu-west-1"}
		}, ""},
		"another kind":    {func(o *queue.Options) { o.Kind = "kafka" }, `not "kafka"`},
		"no database":     {func(o *queue.Options) { o.Pool = nil }, "database"},
		"no workers":      {func(o *queue.Options) { o.Workers = 0 }, "worker"},
		"no attempts":     {func(o *queue.Options) { o.MaxAttempts = 0 }, "attempt"},
		"no room":         {func(o *queue.Options) { o.MaxDepth = 0 }, "room"},
		"SQS without all": {func(o *queue.Options) { o.Kind = queue.SQS }, "queue's URL"},
		"no dead letters": {func(o *queue.Options) { o.SQS = queue.SQSOptions{QueueURL: jobs, Region: "eu-west-1"} }, "dead letters"},
		"one queue for both": {func(o *queue.Options) {
			o.SQS = queue.SQSOptions{QueueURL: jobs, DeadLetterURL: jobs, Region: "eu-west-1"}
		}, "each"},
		"no region": {func(o *queue.Options) { o.SQS = queue.SQSOptions{QueueURL: jobs, DeadLetterURL: dead} }, "region"},
		"a queue's name": {func(o *queue.Options) {
			o.SQS = queue.SQSOptions{QueueURL: "jobs", DeadLetterURL: dead, Region: "eu-west-1"}
		}, "http"},
		"a bad endpoint": {func(o *queue.Options) {
			o.SQS = queue.SQSOptions{QueueURL: jobs, DeadLetterURL: dead, Region: "eu-west-1", Endpoint: "localhost:4566"}
		}, "endpoint"},
		"half a second": {func(o *queue.Options) {
			o.SQS = queue.SQSOptions{QueueURL: jobs, DeadLetterURL: dead, Region: "eu-west-1", Visibility: time.Second / 2}
		}, "seconds"},
	} {
		options := queue.Options{Pool: pool, Work: true, Workers: 1, MaxAttempts: 1, MaxDepth: 1}
		test.change(&options)
		_, err := queue.New(options)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestOrdersAreRefusedWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	p := start(t, at, queue.Options{MaxDepth: 3}, nil)
	p.run(t, patience)
	product := p.product(t, "LAMP", 100)
	for _, key := range []string{"a", "b", "c"} {
		p.place(t, key, product, 1)
	}
	eventually(t, "the queue is full", p.Full)
	_, _, err := p.orders.Place(t.Context(), ann, "d", orders.Draft{Lines: []orders.DraftLine{{ProductID: product.ID, Quantity: 1}}})
	if !errors.Is(err, orders.ErrBusy) {
		t.Errorf("place: %v", err)
	}
	worker := start(t, at, queue.Options{Work: true}, nil)
	worker.run(t, patience)
	eventually(t, "there is room again", func() bool { return !p.Full() })
	p.place(t, "d", product, 1)
}

func TestLagIsTheAgeOfTheOldestJobThatWaits(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{}, nil)
	p.run(t, patience)
	lag := func(least, most time.Duration) func() bool {
		return func() bool { _, got := p.seen.sampled(); return got >= least && got < most }
	}
	p.enqueue(t, uuid.New(), p.EnqueueReserve, p.EnqueueReserve)
	change := func(statement string) {
		t.Helper()
		if _, err := p.store.Pool().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	change("UPDATE river_job SET scheduled_at = now() - interval '10 minutes' WHERE id = 1")
	eventually(t, "the older one counts", lag(10*time.Minute, 11*time.Minute))
	change("UPDATE river_job SET scheduled_at = now() + interval '1 hour'")
	eventually(t, "those that are to wait don't", lag(0, 1))
	// What goes to SQS is put off whenever that fails: it counts from the beginning.
	change("UPDATE river_job SET kind = 'order-forward', created_at = now() - interval '20 minutes' WHERE id = 2")
	eventually(t, "the outbox counts from when it was asked for", lag(20*time.Minute, 21*time.Minute))
	change("UPDATE river_job SET state = 'completed', finalized_at = now()")
	eventually(t, "nothing waits", lag(0, 1))
}

func TestAJobIsInTheTraceOfWhoAskedForIt(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	work := &handlers{do: func(ctx context.Context, call int) error {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			return errors.New("the handler is in no span")
		}
		if call == 1 {
			return errBroken
		}
		return nil
	}}
	p := start(t, migrated(t), queue.Options{Work: true, Tracer: provider.Tracer("queue")}, work)
	ctx, asking := provider.Tracer("test").Start(t.Context(), "POST /orders")
	tx, err := p.store.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.EnqueueReserve(ctx, tx, uuid.New()), tx.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	asking.End()
	p.run(t, patience)
	eventually(t, "both attempts are done", func() bool { return len(spans.GetSpans()) == 3 })
	var got []string
	for _, span := range spans.GetSpans() {
		if span.Name != "process order-reserve" {
			continue
		}
		got = append(got, span.Status.Code.String())
		if span.SpanContext.TraceID() != asking.SpanContext().TraceID() || span.Parent.SpanID() != asking.SpanContext().SpanID() {
			t.Errorf("the span of a job has the parent %v, want %v", span.Parent, asking.SpanContext())
		}
		if len(span.Links) != 1 || span.Links[0].SpanContext.SpanID() != asking.SpanContext().SpanID() {
			t.Errorf("the span of a job has the links %v", span.Links)
		}
		if span.SpanKind != trace.SpanKindConsumer {
			t.Errorf("the span of a job is a %s", span.SpanKind)
		}
	}
	if diff := cmp.Diff([]string{codes.Error.String(), codes.Unset.String()}, got); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestADatabaseThatIsAwayIsSaidToBe(t *testing.T) {
	t.Parallel()
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	p := start(t, through(t, proxy, "postgres:///x"), queue.Options{}, nil)
	_, listing := p.ListDeadLetters(t.Context(), 10)
	for action, err := range map[string]error{"list": listing, "requeue": p.Requeue(t.Context(), "1")} {
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s: %v", action, err)
		}
	}
}

// TestJobsAreAddedWithTheirOrderOrNotAtAll uses the queue as the store does.
func TestJobsAreAddedWithTheirOrderOrNotAtAll(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{}, nil)
	product := p.product(t, "LAMP", 100)
	rules := orders.New(orders.Options{
		Store: store.NewOrders(p.store, late{p.Queue}, time.Now), Cache: uncached{}, Now: time.Now,
	})
	draft := orders.Draft{Lines: []orders.DraftLine{{ProductID: product.ID, Quantity: 1}}}
	if _, _, err := rules.Place(t.Context(), ann, "k", draft); !errors.Is(err, errBroken) {
		t.Fatalf("place: %v", err)
	}
	order := p.place(t, "k", product, 1) // the key is free
	if err := rules.Reserve(t.Context(), order.ID); !errors.Is(err, errBroken) {
		t.Fatalf("reserve: %v", err)
	}
	if status, left := p.status(t, order.ID), p.stock(t, product); status != orders.Placed || left.Stock != 100 || left.Version != 1 {
		t.Errorf("the order is %s, %d pieces are left at version %d", status, left.Stock, left.Version)
	}
	var kinds []string
	rows, err := p.store.Pool().Query(t.Context(), "SELECT kind FROM river_job")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	if diff := cmp.Diff([]string{"order-reserve"}, kinds); diff != "" || rows.Err() != nil {
		t.Errorf("jobs (-want +got):\n%s%v", diff, rows.Err())
	}
}
