// Package queue has orders worked on later, and at least once. Jobs are kept in
// Postgres by River, and so are part of the transaction that asks for them. SQS
// may carry them to the workers: River's table is then the outbox that feeds it.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/orders"
)

// Handlers do the work. They may be called again for what is done, several times
// at once, and out of order.
type Handlers interface {
	Reserve(ctx context.Context, id orders.ID) error
	Confirm(ctx context.Context, id orders.ID) error
}

// Observer is told how the queue does.
type Observer interface {
	// JobWorked tells of one attempt: its kind, how long it took, and what came of it.
	JobWorked(kind string, outcome Outcome, took time.Duration)
	// QueueSampled tells how many jobs there are by state, and how long the oldest
	// one that could be worked on has been waiting.
	QueueSampled(depth map[string]int64, lag time.Duration)
}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes.
const (
	Worked Outcome = "worked"
	Retry  Outcome = "retry" // failed or was cut short, and is to be tried again
	Dead   Outcome = "dead"  // failed, and is a dead letter
)

// Kind is what carries jobs to the workers.
type Kind string

// The kinds.
const (
	River Kind = "river"
	SQS   Kind = "sqs"
)

// Options of a queue. Pool, MaxAttempts and MaxDepth are needed, and Workers with Work.
type Options struct {
	Pool *pgxpool.Pool
	// Kind is what carries jobs; empty is SQS if that has a QueueURL, and else River.
	Kind Kind
	// Work has this process work on jobs; without it, it adds them alone.
	Work bool
	// Workers is how many jobs are worked on at once. With SQS, so many are sent
	// to it at once besides.
	Workers int
	// MaxAttempts is how often a job is tried before it is a dead letter.
	MaxAttempts int
	// MaxDepth is how many jobs may wait before Full says so.
	MaxDepth int
	// JobTimeout bounds one attempt; 0 is 10 seconds. A job of River's whose worker
	// has died is taken up again after thrice that, and half a minute at most.
	JobTimeout time.Duration
	// FirstRetry is how long the second attempt waits, give or take a fifth; each
	// further one waits twice as long, up to 5 minutes. 0 is 1 second.
	FirstRetry time.Duration
	// SampleInterval is how often depth and lag are looked at; 0 is 2 seconds, and
	// 10 with SQS, which is paid for by the call.
	SampleInterval time.Duration
	// SQS is needed for that kind.
	SQS SQSOptions
	// Tracer makes a span of each attempt, in the trace of who asked for it; nil
	// makes none.
	Tracer trace.Tracer
	// Logger takes what goes wrong; nil is nobody.
	Logger *zap.Logger
	// Observer is told what is counted; nil is nobody.
	Observer Observer
}

func (o Options) validate() error {
	switch {
	case o.Kind != River && o.Kind != SQS:
		return fmt.Errorf("its kind must be %s or %s, not %q", River, SQS, o.Kind)
	case o.Pool == nil:
		return errors.New("the database is needed")
	case o.Work && o.Workers < 1:
		return errors.New("there must be at least 1 worker")
	case o.MaxAttempts < 1:
		return errors.New("a job needs at least 1 attempt")
	case o.MaxDepth < 1:
		return errors.New("there must be room for at least 1 job")
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Kind == "" {
		o.Kind = River
		if o.SQS.QueueURL != "" {
			o.Kind = SQS
		}
	}
	o.JobTimeout = cmp.Or(o.JobTimeout, 10*time.Second)
	o.FirstRetry = cmp.Or(o.FirstRetry, time.Second)
	if o.SampleInterval == 0 {
		o.SampleInterval = 2 * time.Second
		if o.Kind == SQS {
			o.SampleInterval = 10 * time.Second
		}
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	return o
}

type nobody struct{}

func (nobody) JobWorked(string, Outcome, time.Duration)     {}
func (nobody) QueueSampled(map[string]int64, time.Duration) {}

// Queue is safe for concurrent use.
type Queue struct {
	options    Options
	client     *river.Client[pgx.Tx]
	carrier    *carrier // nil if River carries jobs itself
	handlers   Handlers
	propagator propagation.TraceContext
	full       atomic.Bool
	up         atomic.Bool
	storeAway  atomic.Bool // messages of SQS would be taken for nothing
	arrivals   arrivals
}

// New makes a queue. Handle has to be called before Run. It asks nothing of the
// database or of SQS yet. Errors: options that can't be used.
func New(options Options) (*Queue, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("make the queue: %w", err)
	}
	q := &Queue{options: options}
	q.arrivals.empty(time.Now())
	if options.Kind == SQS {
		carrier, err := newCarrier(options.SQS)
		if err != nil {
			return nil, err
		}
		q.carrier = carrier
	}
	config := &river.Config{
		CompletedJobRetentionPeriod: 10 * time.Minute,
		CancelledJobRetentionPeriod: deadRetention,
		DiscardedJobRetentionPeriod: deadRetention,
		ErrorHandler:                failures{options.Logger},
		FetchCooldown:               20 * time.Millisecond,
		FetchPollInterval:           time.Second, // for retries, and should a notification be lost
		JobTimeout:                  options.JobTimeout,
		Logger:                      complaints(options.Logger),
		MaxAttempts:                 options.MaxAttempts,
		RescueStuckJobsAfter:        3 * options.JobTimeout,
		RetryPolicy:                 q,
		Workers:                     q.workers(),
	}
	if options.Work {
		config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: options.Workers}}
	}
	var err error
	if q.client, err = river.NewClient(riverpgxv5.New(options.Pool), config); err != nil {
		return nil, fmt.Errorf("make the queue: %w", err)
	}
	return q, nil
}

// deadRetention is how long dead letters are kept.
const deadRetention = 30 * 24 * time.Hour

// complaints takes River's warnings and errors; what goes well it keeps to itself.
func complaints(logger *zap.Logger) *slog.Logger {
	core := logger.Core()
	if grim, err := zapcore.NewIncreaseLevelCore(core, zapcore.WarnLevel); err == nil {
		core = grim // if not, the logger is grimmer already
	}
	return slog.New(zapslog.NewHandler(core, zapslog.WithName("river")))
}

// Handle says who does the work.
func (q *Queue) Handle(handlers Handlers) { q.handlers = handlers }

// EnqueueReserve adds a job as part of tx.
func (q *Queue) EnqueueReserve(ctx context.Context, tx pgx.Tx, id orders.ID) error {
	return q.enqueue(ctx, tx, kindReserve, id)
}

// EnqueueConfirm adds a job as part of tx.
func (q *Queue) EnqueueConfirm(ctx context.Context, tx pgx.Tx, id orders.ID) error {
	return q.enqueue(ctx, tx, kindConfirm, id)
}

func (q *Queue) enqueue(ctx context.Context, tx pgx.Tx, kind string, id orders.ID) error {
	about := task{OrderID: id, Trace: map[string]string{}}
	q.propagator.Inject(ctx, propagation.MapCarrier(about.Trace))
	var job river.JobArgs
	switch {
	case q.carrier != nil:
		about.Job = kind
		job = forwardArgs{args{task: about}}
	case kind == kindReserve:
		job = reserveArgs{args{task: about}}
	default:
		job = confirmArgs{args{task: about}}
	}
	if _, err := q.client.InsertTx(ctx, tx, job, nil); err != nil {
		return fmt.Errorf("add the job %s: %w", kind, err)
	}
	return nil
}

// Full says that so many jobs wait that no more should be added.
func (q *Queue) Full() bool { return q.full.Load() }

// Working says whether this process takes jobs now.
func (q *Queue) Working() bool { return q.up.Load() }
