package queue

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

const (
	longPoll   = 20              // seconds that SQS waits for a message
	pause      = time.Second     // before what failed is tried again
	settleTime = 3 * time.Second // to tell SQS what became of a message
)

// consume takes messages until ctx ends; what it has then is worked on under work.
func (q *Queue) consume(ctx, work context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	places := make(chan struct{}, q.options.Workers)
	for q.awaitStore(ctx) {
		// Only what can be begun at once is taken: the time out of sight runs.
		free := occupy(ctx, places)
		if free == 0 {
			return
		}
		received, err := q.carrier.receive(ctx, q.carrier.options.QueueURL, free, longPoll, q.carrier.options.Visibility)
		for range free - len(received) {
			<-places
		}
		if err != nil && ctx.Err() == nil {
			q.options.Logger.Warn("SQS gives no messages", zap.Error(err))
			wait(ctx, pause)
		}
		for _, one := range received {
			working.Go(func() {
				defer func() { <-places }()
				q.handle(work, one)
			})
		}
	}
}

// occupy waits for a free place, and takes all that SQS could fill at once; 0 if
// ctx ends before.
func occupy(ctx context.Context, places chan<- struct{}) int {
	select {
	case <-ctx.Done():
		return 0
	case places <- struct{}{}:
	}
	for taken := 1; taken < batch; taken++ {
		select {
		case places <- struct{}{}:
		default:
			return taken
		}
	}
	return batch
}

// awaitStore waits while the database is away: to take messages would only use up
// their attempts. It gives false once ctx has ended.
func (q *Queue) awaitStore(ctx context.Context) bool {
	for ctx.Err() == nil && q.storeAway.Load() {
		if q.storeAnswers(ctx) {
			q.storeAway.Store(false)
			break
		}
		wait(ctx, pause)
	}
	return ctx.Err() == nil
}

func (q *Queue) storeAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	return q.options.Pool.Ping(ctx) == nil
}

func wait(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// handle works on a message. It is gone from the queue only when it is done, or
// a dead letter; anything else brings it back.
func (q *Queue) handle(work context.Context, received types.Message) {
	began := time.Now()
	attempt := receipts(received)
	if attempt == 1 {
		q.arrivals.taken(sentAt(received))
	}
	about, err := readTask([]byte(aws.ToString(received.Body)))
	if err == nil {
		err = q.performHidden(work, received, about, attempt)
	}
	kind := about.Job
	if kind != kindReserve && kind != kindConfirm {
		kind = "unknown" // a made-up one would be a label without end
	}
	outcome := q.outcomeOf(work, err, attempt)
	q.options.Observer.JobWorked(kind, outcome, time.Since(began))
	if err != nil && work.Err() == nil {
		q.options.Logger.Warn("a job failed", zap.String("kind", kind), zap.Stringp("message", received.MessageId),
			zap.Int("attempt", attempt), zap.String("outcome", string(outcome)), zap.Error(err))
	}
	if err := q.settle(work, received, outcome, err, attempt); err != nil {
		// It comes back by itself, and does no harm.
		q.options.Logger.Warn("SQS isn't told what became of a job", zap.String("kind", kind), zap.Error(err))
	}
}

// outcomeOf tells what an attempt comes to. None counts as the last one that was
// cut short, or that failed for a database that is away.
func (q *Queue) outcomeOf(work context.Context, err error, attempt int) Outcome {
	away := errors.Is(err, catalog.ErrUnavailable)
	if away {
		q.storeAway.Store(true)
	}
	switch {
	case err == nil:
		return Worked
	case hopeless(err), attempt >= q.options.MaxAttempts && !away && work.Err() == nil:
		return Dead
	}
	return Retry
}

// performHidden does the job, and keeps its message out of others' sight meanwhile.
func (q *Queue) performHidden(work context.Context, received types.Message, about task, attempt int) error {
	ctx, cancel := context.WithTimeout(work, q.options.JobTimeout)
	defer cancel()
	hiding, stop := context.WithCancel(work)
	var hidden sync.WaitGroup
	hidden.Go(func() { q.keepHidden(hiding, received) })
	defer hidden.Wait() // or it could put off what settle says
	defer stop()
	return q.perform(ctx, about.Job, about, attempt)
}

func (q *Queue) keepHidden(ctx context.Context, received types.Message) {
	visibility := q.carrier.options.Visibility
	tick := time.NewTicker(visibility / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := q.carrier.hide(ctx, q.carrier.options.QueueURL, received, visibility); err != nil && ctx.Err() == nil {
				q.options.Logger.Warn("a message may be taken by another worker, too", zap.Error(err))
			}
		}
	}
}

// settle tells SQS what became of a message, also when time is over.
func (q *Queue) settle(work context.Context, received types.Message, outcome Outcome, cause error, attempt int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), settleTime)
	defer cancel()
	queue := q.carrier.options.QueueURL
	switch {
	case outcome == Worked:
		return q.carrier.remove(ctx, queue, received)
	case outcome == Dead:
		if err := q.carrier.send(ctx, q.carrier.options.DeadLetterURL, aws.ToString(received.Body), obituary(cause, attempt)); err != nil {
			return err
		}
		return q.carrier.remove(ctx, queue, received)
	case work.Err() != nil:
		return q.carrier.hide(ctx, queue, received, 0) // cut short: others may have it at once
	}
	return q.carrier.hide(ctx, queue, received, q.waitAfter(attempt))
}

// maxError is how much of an error a dead letter tells, in bytes.
const maxError = 4 << 10

func obituary(cause error, attempt int) map[string]types.MessageAttributeValue {
	value := func(kind, text string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String(kind), StringValue: aws.String(text)}
	}
	return map[string]types.MessageAttributeValue{
		attributeError:    value("String", plain(cause.Error())),
		attributeAttempts: value("Number", strconv.Itoa(attempt)),
	}
}

// plain is a text that SQS takes: not empty, short, and without control characters.
func plain(text string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text[:min(len(text), maxError)])
	return cmp.Or(kept, " ")
}
