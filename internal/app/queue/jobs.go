package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/orders"
)

// The kinds of jobs. They are in the database, and are never renamed.
const (
	kindReserve = "order-reserve"
	kindConfirm = "order-confirm"
	kindForward = "order-forward" // to SQS
)

// task is what a job is about. Trace is who asked for it, as W3C has it.
type task struct {
	OrderID orders.ID         `json:"order_id"`
	Trace   map[string]string `json:"trace,omitempty"`
}

type (
	reserveArgs struct{ task }
	confirmArgs struct{ task }
	forwardArgs struct {
		Job string `json:"job"`
		task
	}
)

func (reserveArgs) Kind() string { return kindReserve }
func (confirmArgs) Kind() string { return kindConfirm }
func (forwardArgs) Kind() string { return kindForward }

// InsertOpts keeps what goes to SQS apart.
func (forwardArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: outboxQueue} }

func (q *Queue) workers() *river.Workers {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[reserveArgs]) error {
		return q.work(ctx, kindReserve, job.Args.task, job.JobRow)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[confirmArgs]) error {
		return q.work(ctx, kindConfirm, job.Args.task, job.JobRow)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[forwardArgs]) error {
		return q.forward(ctx, job.Args)
	}))
	return workers
}

// work does a job of River's.
func (q *Queue) work(ctx context.Context, kind string, about task, row *rivertype.JobRow) error {
	began := time.Now()
	err := q.perform(ctx, kind, about, row.Attempt)
	outcome := Worked
	switch {
	case hopeless(err):
		outcome, err = Dead, river.JobCancel(err)
	case err != nil && row.Attempt >= row.MaxAttempts:
		outcome = Dead
	case err != nil:
		outcome = Retry
	}
	q.options.Observer.JobWorked(kind, outcome, time.Since(began))
	return err
}

// perform does what a job asks for, in a span that follows the one of who asked.
func (q *Queue) perform(ctx context.Context, kind string, about task, attempt int) (err error) {
	asked := trace.SpanContextFromContext(q.propagator.Extract(ctx, propagation.MapCarrier(about.Trace)))
	ctx, span := q.options.Tracer.Start(ctx, "process "+kind, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.Link{SpanContext: asked}),
		trace.WithAttributes(
			attribute.String("messaging.system", q.system()), attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"), attribute.String("messaging.destination.name", kind),
			attribute.String("pocctl.order.id", about.OrderID.String()), attribute.Int("messaging.message.delivery_attempt", attempt),
		))
	defer func() {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}()
	switch kind {
	case kindReserve:
		return q.handlers.Reserve(ctx, about.OrderID)
	case kindConfirm:
		return q.handlers.Confirm(ctx, about.OrderID)
	}
	return fmt.Errorf("%w: there is no job %q", errPoison, kind)
}

func (q *Queue) system() string {
	if q.carrier != nil {
		return "aws_sqs"
	}
	return "river"
}

var errPoison = errors.New("a job that nobody can do")

// hopeless tells whether no other attempt will do better.
func hopeless(err error) bool {
	return errors.Is(err, orders.ErrNotFound) || errors.Is(err, errPoison)
}

// backOff waits 1 s after the first attempt, twice as long after each other, and
// 5 minutes at most, give or take a fifth.
type backOff struct{}

const longestWait = 5 * time.Minute

// NextRetry implements river.ClientRetryPolicy.
func (backOff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(waitAfter(job.Attempt))
}

func waitAfter(attempt int) time.Duration {
	wait := longestWait
	if attempt < 10 {
		wait = min(longestWait, time.Second<<max(0, attempt-1))
	}
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}

// failures logs what went wrong with jobs.
type failures struct{ q *Queue }

// HandleError implements river.ErrorHandler.
func (f failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.q.options.Logger.Warn("a job failed", zap.String("kind", job.Kind), zap.Int64("job", job.ID),
		zap.Int("attempt", job.Attempt), zap.Int("most", job.MaxAttempts), zap.Error(err))
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (f failures) HandlePanic(_ context.Context, job *rivertype.JobRow, cause any, stack string) *river.ErrorHandlerResult {
	f.q.options.Logger.Error("panic", zap.String("kind", job.Kind), zap.Int64("job", job.ID), zap.Any("cause", cause), zap.String("stack", stack))
	return nil
}
