package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// cutTime is how long jobs that were cut short have to say so.
const cutTime = 2 * time.Second

// ErrCutShort says that jobs were still running when their time was over. They
// are taken up again.
var ErrCutShort = errors.New("jobs were cut short")

// Run samples the queue and, in a process that works, takes jobs until ctx ends;
// then it finishes those that it has, within stopTimeout. A database that is away
// is waited for. Errors: ErrCutShort.
func (q *Queue) Run(ctx context.Context, stopTimeout time.Duration) error {
	var sampling sync.WaitGroup
	sampling.Go(func() { q.sample(ctx) })
	defer sampling.Wait()
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
	consumed := make(chan struct{})
	go func() {
		defer close(consumed)
		if q.carrier != nil {
			q.consume(ctx, work)
		}
	}()
	<-ctx.Done()
	q.up.Store(false)
	err := q.stopRiver(work, stopTimeout, consumed)
	if err != nil {
		cut()
	}
	<-consumed // soon, whatever happens: SQS is told within settleTime
	return err
}

// stopRiver waits for the jobs of River and for those of SQS.
func (q *Queue) stopRiver(ctx context.Context, stopTimeout time.Duration, consumed <-chan struct{}) error {
	stopping, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	err := q.client.Stop(stopping)
	if err == nil {
		select {
		case <-consumed:
			return nil
		case <-stopping.Done():
			return fmt.Errorf("%w after %s", ErrCutShort, stopTimeout)
		}
	}
	cutting, cancel := context.WithTimeout(ctx, cutTime)
	defer cancel()
	if err := q.client.StopAndCancel(cutting); err != nil {
		q.options.Logger.Warn("jobs don't end; they are taken up again once they count as lost", zap.Error(err))
	}
	return fmt.Errorf("%w after %s", ErrCutShort, stopTimeout)
}

// startRiver tries until the database is there; false if ctx ends before.
func (q *Queue) startRiver(ctx, work context.Context) bool {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	said := false
	for ctx.Err() == nil {
		// River's context is work's: it would take the end of ctx for an order to
		// drop everything. Its first call of the database is bounded by the pool.
		err := q.client.Start(work)
		if err == nil {
			return true
		}
		if !said {
			q.options.Logger.Info("waiting for the database, to work on jobs", zap.Error(err))
			said = true
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return false
}
