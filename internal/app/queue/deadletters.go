package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// DeadLetter is a job that was given up.
type DeadLetter struct {
	ID       string
	Kind     string
	OrderID  string // empty if the job doesn't say
	Attempts int
	Error    string // the last one
	FailedAt time.Time
}

// ErrNoDeadLetter says that there is no dead letter with an ID.
var ErrNoDeadLetter = errors.New("no such dead letter")

// ListDeadLetters gives up to limit jobs that were given up, the last one first.
func (q *Queue) ListDeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	if q.carrier != nil {
		carried, err := q.carrier.deadLetters(ctx, limit)
		if err != nil {
			return nil, err
		}
		letters = carried
	}
	found, err := q.client.JobList(ctx, river.NewJobListParams().
		States(rivertype.JobStateDiscarded, rivertype.JobStateCancelled).
		OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(max(1, limit-len(letters))))
	if err != nil {
		return nil, unavailable("list dead letters", err)
	}
	for _, job := range found.Jobs {
		letters = append(letters, letterOf(job))
	}
	return letters, nil
}

func letterOf(job *rivertype.JobRow) DeadLetter {
	letter := DeadLetter{ID: strconv.FormatInt(job.ID, 10), Kind: job.Kind, Attempts: job.Attempt}
	var about struct {
		OrderID string `json:"order_id"`
	}
	if json.Unmarshal(job.EncodedArgs, &about) == nil {
		letter.OrderID = about.OrderID
	}
	if job.FinalizedAt != nil {
		letter.FailedAt = job.FinalizedAt.UTC()
	}
	if last := len(job.Errors) - 1; last >= 0 {
		letter.Error = job.Errors[last].Error
	}
	return letter
}

// Requeue has a dead letter tried again, once more at least. Errors: ErrNoDeadLetter.
func (q *Queue) Requeue(ctx context.Context, id string) error {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number <= 0 || strconv.FormatInt(number, 10) != id {
		if q.carrier != nil {
			return q.carrier.requeue(ctx, id)
		}
		return ErrNoDeadLetter
	}
	job, err := q.client.JobGet(ctx, number)
	switch {
	case errors.Is(err, rivertype.ErrNotFound):
		return ErrNoDeadLetter
	case err != nil:
		return unavailable("read a dead letter", err)
	case job.State != rivertype.JobStateDiscarded && job.State != rivertype.JobStateCancelled:
		return ErrNoDeadLetter
	}
	if _, err := q.client.JobRetry(ctx, number); err != nil {
		return unavailable("requeue a dead letter", err)
	}
	return nil
}

func unavailable(action string, err error) error {
	return fmt.Errorf("%s: %w: %w", action, catalog.ErrUnavailable, err)
}

// sample looks at the queue from time to time, until ctx ends.
func (q *Queue) sample(ctx context.Context) {
	tick := time.NewTicker(q.options.SampleInterval)
	defer tick.Stop()
	for {
		if depth, lag, err := q.look(ctx); err == nil {
			waiting := depth[string(rivertype.JobStateAvailable)] + depth[string(rivertype.JobStateRetryable)]
			q.full.Store(waiting >= int64(cmp.Or(q.options.MaxDepth, 1)))
			q.options.Observer.QueueSampled(depth, lag)
		} // if not, the database is away, and says so elsewhere
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const sampleStatement = `
SELECT state::text, count(*), coalesce(extract(epoch FROM now() - min(scheduled_at)), 0)::float8
FROM river_job
WHERE state = ANY ($1::river_job_state[])
GROUP BY state`

func (q *Queue) look(ctx context.Context) (depth map[string]int64, lag time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.options.SampleInterval)
	defer cancel()
	depth = map[string]int64{}
	states := make([]string, 0, len(sampledStates()))
	for _, state := range sampledStates() {
		depth[string(state)] = 0
		states = append(states, string(state))
	}
	rows, err := q.options.Pool.Query(ctx, sampleStatement, states)
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
	return depth, lag, rows.Err()
}
