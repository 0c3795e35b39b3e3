package queue

import (
	"context"
	"sync"
	"time"

	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"
)

// sample looks at the queue from time to time, until ctx ends.
func (q *Queue) sample(ctx context.Context) {
	tick := time.NewTicker(q.options.SampleInterval)
	defer tick.Stop()
	for {
		if depth, lag, err := q.look(ctx); err == nil {
			waiting := depth[string(rivertype.JobStateAvailable)] + depth[string(rivertype.JobStateRetryable)]
			q.full.Store(waiting >= int64(q.options.MaxDepth))
			q.options.Observer.QueueSampled(depth, lag)
		} else if ctx.Err() == nil {
			q.options.Logger.Debug("the queue can't be looked at", zap.Error(err)) // the database is away, and says so elsewhere
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sampledStates are those that tell something, by the names that metrics have.
func sampledStates() []string {
	return []string{
		string(rivertype.JobStateAvailable), string(rivertype.JobStateRunning), string(rivertype.JobStateRetryable),
		string(rivertype.JobStateScheduled), string(rivertype.JobStateDiscarded), string(rivertype.JobStateCancelled),
	}
}

// What goes to SQS waits from when it was asked for: each try puts it off a bit.
const sampleStatement = `
SELECT state::text, count(*),
       coalesce(extract(epoch FROM now() - min(CASE WHEN kind = $2 THEN created_at ELSE scheduled_at END)), 0)::float8
FROM river_job
WHERE state = ANY ($1::river_job_state[])
GROUP BY state`

// lookTime bounds one look.
const lookTime = 3 * time.Second

func (q *Queue) look(ctx context.Context) (depth map[string]int64, lag time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	depth = map[string]int64{}
	for _, state := range sampledStates() {
		depth[state] = 0
	}
	rows, err := q.options.Pool.Query(ctx, sampleStatement, sampledStates(), kindForward)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var count int64
		var oldest float64
		if err := rows.Scan(&state, &count, &oldest); err != nil {
			return nil, 0, err
		}
		depth[state] = count
		if state == string(rivertype.JobStateAvailable) {
			lag = time.Duration(max(0, oldest) * float64(time.Second))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	if q.carrier != nil {
		lag = max(lag, q.lookAtSQS(ctx, depth))
	}
	return depth, lag, nil
}

// lookAtSQS adds the messages of SQS to the depth, and gives their lag. While SQS
// doesn't answer, it tells of the outbox alone, which then grows.
func (q *Queue) lookAtSQS(ctx context.Context, depth map[string]int64) time.Duration {
	jobs, err := q.carrier.count(ctx, q.carrier.options.QueueURL)
	if err != nil {
		q.options.Logger.Debug("SQS doesn't say how many messages it has", zap.Error(err))
		return 0
	}
	dead, err := q.carrier.count(ctx, q.carrier.options.DeadLetterURL)
	if err != nil {
		q.options.Logger.Debug("SQS doesn't say how many dead letters it has", zap.Error(err))
	}
	depth[string(rivertype.JobStateAvailable)] += jobs.visible
	depth[string(rivertype.JobStateRunning)] += jobs.taken
	depth[string(rivertype.JobStateScheduled)] += jobs.delayed
	depth[string(rivertype.JobStateDiscarded)] += dead.visible + dead.taken
	now := time.Now()
	if jobs.visible == 0 {
		q.arrivals.empty(now)
	}
	return q.arrivals.lag(now)
}

// arrivals bounds the age of the oldest message that waits, which SQS itself
// doesn't tell: it was sent after the queue was last seen empty and, as they come
// about in order, after the one that was last taken for the first time.
type arrivals struct {
	mutex  sync.Mutex
	latest time.Time
}

// empty says that nothing waited at that time.
func (a *arrivals) empty(at time.Time) { a.taken(at) }

// taken says that a message was taken that was sent at that time.
func (a *arrivals) taken(sent time.Time) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if sent.After(a.latest) {
		a.latest = sent
	}
}

func (a *arrivals) lag(now time.Time) time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return max(0, now.Sub(a.latest))
}
