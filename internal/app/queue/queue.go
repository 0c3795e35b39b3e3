// Package queue has orders worked on later, and at least once. Jobs are kept in
// Postgres by River, and so are part of the transaction that asks for them. SQS
// may carry them to the workers: River's table is then the outbox that feeds it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

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
	Retry  Outcome = "retry" // failed, and is to be tried again
	Dead   Outcome = "dead"  // failed, and is a dead letter
)

// Options of a queue.
type Options struct {
	Pool *pgxpool.Pool
	// Work has this process work on jobs; without it, it adds them alone.
	Work bool
	// Workers is how many jobs are worked on at once.
	Workers int
	// MaxAttempts is how often a job is tried before it is a dead letter.
	MaxAttempts int
	// MaxDepth is how many jobs may wait before Full says so.
	MaxDepth int
	// JobTimeout bounds one attempt; 0 is 10 seconds. A job whose worker has died
	// is taken up again after thrice that.
	JobTimeout time.Duration
	// SampleInterval is how often depth and lag are looked at; 0 is 2 seconds.
	SampleInterval time.Duration
	// SQS carries jobs if its QueueURL is set.
	SQS SQSOptions
	// Tracer makes a span of each attempt, which follows that of who asked for it.
	Tracer   trace.Tracer
	Logger   *zap.Logger
	Observer Observer
}

// Queue is safe for concurrent use.
type Queue struct {
	options    Options
	client     *river.Client[pgx.Tx]
	carrier    *carrier // nil if River carries jobs itself
	handlers   Handlers
	propagator propagation.TraceContext
	full       atomic.Bool
	up         atomic.Bool
}

// Names of River's queues.
const (
	workQueue   = river.QueueDefault
	outboxQueue = "outbox"
)

// New makes a queue. Handle has to be called before Run. Errors: options that
// can't be used.
func New(options Options) (*Queue, error) {
	if options.JobTimeout == 0 {
		options.JobTimeout = 10 * time.Second
	}
	if options.SampleInterval == 0 {
		options.SampleInterval = 2 * time.Second
	}
	q := &Queue{options: options}
	if options.SQS.QueueURL != "" {
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
		ErrorHandler:                failures{q},
		JobTimeout:                  options.JobTimeout,
		RescueStuckJobsAfter:        3 * options.JobTimeout,
		MaxAttempts:                 options.MaxAttempts,
		RetryPolicy:                 backOff{},
		Logger:                      slog.New(zapslog.NewHandler(options.Logger.Core(), zapslog.WithName("river"))),
		Workers:                     q.workers(),
		FetchPollInterval:           time.Second, // should a notification be lost
		FetchCooldown:               20 * time.Millisecond,
	}
	if options.Work {
		name := workQueue
		if q.carrier != nil {
			name = outboxQueue
		}
		config.Queues = map[string]river.QueueConfig{name: {MaxWorkers: options.Workers}}
	}
	var err error
	if q.client, err = river.NewClient(riverpgxv5.New(options.Pool), config); err != nil {
		return nil, fmt.Errorf("make the queue: %w", err)
	}
	return q, nil
}

// deadRetention is how long dead letters are kept.
const deadRetention = 30 * 24 * time.Hour

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
	task := task{OrderID: id, Trace: map[string]string{}}
	q.propagator.Inject(ctx, propagation.MapCarrier(task.Trace))
	var args river.JobArgs
	switch {
	case q.carrier != nil:
		args = forwardArgs{Job: kind, task: task}
	case kind == kindReserve:
		args = reserveArgs{task}
	default:
		args = confirmArgs{task}
	}
	if _, err := q.client.InsertTx(ctx, tx, args, nil); err != nil {
		return fmt.Errorf("add the job %s: %w", kind, err)
	}
	return nil
}

// Full says that so many jobs wait that no more should be added.
func (q *Queue) Full() bool { return q.full.Load() }

// Working says whether this process takes jobs now.
func (q *Queue) Working() bool { return q.up.Load() }

// Run samples the queue and, in a process that works, takes jobs until ctx ends;
// then it finishes those that it has, within stopTimeout. A database that is away
// is waited for. Errors: jobs that were cut short; they are taken up again.
func (q *Queue) Run(ctx context.Context, stopTimeout time.Duration) error {
	var all sync.WaitGroup
	all.Go(func() { q.sample(ctx) })
	defer all.Wait()
	if !q.options.Work {
		<-ctx.Done()
		return nil
	}
	// Work outlives ctx: what has begun is to be finished.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	if !q.startRiver(ctx, work) {
		return nil
	}
	q.up.Store(true)
	var consuming sync.WaitGroup
	if q.carrier != nil {
		consuming.Go(func() { q.consume(ctx, work) })
	}
	<-ctx.Done()
	q.up.Store(false)
	stopping, cancel := context.WithTimeout(work, stopTimeout)
	defer cancel()
	err := q.client.Stop(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		hard, cancel := context.WithTimeout(work, time.Second)
		defer cancel()
		err = fmt.Errorf("wait %s for jobs to finish: %w", stopTimeout, q.client.StopAndCancel(hard))
	}
	context.AfterFunc(stopping, cut)
	consuming.Wait()
	return err
}

// startRiver tries until the database is there; false if ctx ends before.
func (q *Queue) startRiver(ctx, work context.Context) bool {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	said := false
	for {
		err := q.client.Start(work)
		if err == nil {
			return true
		}
		if !said && ctx.Err() == nil {
			q.options.Logger.Info("waiting for the database, to work on jobs", zap.Error(err))
			said = true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// States of jobs, as the sample names them.
func sampledStates() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStateRunning, rivertype.JobStateRetryable,
		rivertype.JobStateScheduled, rivertype.JobStateDiscarded, rivertype.JobStateCancelled,
	}
}
