package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
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

func (q *Queue) workers() *river.Workers {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[reserveArgs]) error {
		return q.work(ctx, kindReserve, job.Args.args, job.JobRow)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[confirmArgs]) error {
		return q.work(ctx, kindConfirm, job.Args.args, job.JobRow)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[forwardArgs]) error {
		if q.carrier == nil { // left from when SQS carried jobs
			return q.work(ctx, job.Args.Job, job.Args.args, job.JobRow)
		}
		return q.forward(ctx, job.Args.args, job.JobRow)
	}))
	return workers
}

// work does a job of River's.
func (q *Queue) work(ctx context.Context, kind string, a args, row *rivertype.JobRow) error {
	began := time.Now()
	err := a.broken
	if err == nil {
		err = q.perform(ctx, kind, a.task, row.Attempt)
	}
	outcome := Worked
	switch {
	case err == nil:
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		// Stopped. River gives back the attempt if it is told so.
		outcome, err = Retry, fmt.Errorf("%w: %w", context.Canceled, err)
	case hopeless(err):
		q.options.Logger.Warn("a job is a dead letter", zap.String("kind", row.Kind), zap.Int64("job", row.ID), zap.Error(err))
		outcome, err = Dead, river.JobCancel(err)
	case row.Attempt >= row.MaxAttempts:
		outcome = Dead
	default:
		outcome = Retry
	}
	q.options.Observer.JobWorked(row.Kind, outcome, time.Since(began))
	return err
}

// perform does what a job asks for, in a span of the trace of who asked.
func (q *Queue) perform(ctx context.Context, kind string, about task, attempt int) (err error) {
	ctx = q.propagator.Extract(ctx, propagation.MapCarrier(about.Trace))
	settings := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("messaging.system", q.system()), attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"), attribute.String("messaging.destination.name", kind),
			attribute.String("pocctl.order.id", about.OrderID.String()), attribute.Int("pocctl.job.attempt", attempt),
		),
	}
	if asked := trace.SpanContextFromContext(ctx); asked.IsValid() {
		settings = append(settings, trace.WithLinks(trace.Link{SpanContext: asked}))
	}
	ctx, span := q.options.Tracer.Start(ctx, "process "+kind, settings...)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
			q.options.Logger.Error("panic", zap.String("kind", kind), zap.Any("cause", cause), zap.ByteString("stack", debug.Stack()))
		}
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
	return fmt.Errorf("%w: there is no kind %q", errPoison, kind)
}

func (q *Queue) system() string {
	if q.carrier != nil {
		return "aws_sqs"
	}
	return "river"
}

// hopeless tells whether no other attempt will do better.
func hopeless(err error) bool {
	return errors.Is(err, orders.ErrNotFound) || errors.Is(err, errPoison)
}

// failures logs what goes wrong with jobs of River's.
type failures struct{ logger *zap.Logger }

// HandleError implements river.ErrorHandler.
func (f failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.logger.Warn("a job failed", zap.String("kind", job.Kind), zap.Int64("job", job.ID),
		zap.Int("attempt", job.Attempt), zap.Int("most", job.MaxAttempts), zap.Error(err))
	return nil
}

// HandlePanic implements river.ErrorHandler. Those of handlers don't get so far.
func (f failures) HandlePanic(_ context.Context, job *rivertype.JobRow, cause any, stack string) *river.ErrorHandlerResult {
	f.logger.Error("panic", zap.String("kind", job.Kind), zap.Int64("job", job.ID), zap.Any("cause", cause), zap.String("stack", stack))
	return nil
}
