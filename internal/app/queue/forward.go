package queue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"
)

// forwardRetry is how long the outbox waits before it tries SQS again. It is
// below River's own interval, so that jobs stay "available" and count as waiting.
const forwardRetry = 3 * time.Second

// forward is the outbox: it sends a job of River's to SQS. While that is away it
// tries on for good, as there is nothing wrong with the job.
func (q *Queue) forward(ctx context.Context, a args, row *rivertype.JobRow) error {
	began := time.Now()
	if a.broken != nil {
		q.options.Logger.Warn("a job is a dead letter", zap.String("kind", row.Kind), zap.Int64("job", row.ID), zap.Error(a.broken))
		q.options.Observer.JobWorked(kindForward, Dead, time.Since(began))
		return river.JobCancel(a.broken)
	}
	body, err := json.Marshal(a.task)
	if err == nil {
		err = q.carrier.send(ctx, q.carrier.options.QueueURL, string(body), nil)
	}
	if err != nil {
		q.options.Observer.JobWorked(kindForward, Retry, time.Since(began))
		q.options.Logger.Warn("a job isn't taken by SQS yet", zap.String("kind", a.Job), zap.Int64("job", row.ID), zap.Error(err))
		return river.JobSnooze(jitter(forwardRetry))
	}
	q.options.Observer.JobWorked(kindForward, Worked, time.Since(began))
	return nil
}
