package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
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
// Of those in SQS beyond the limit, it can't tell which came last. Errors:
// catalog.ErrUnavailable.
func (q *Queue) ListDeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	if limit < 1 {
		return nil, nil
	}
	found, err := q.client.JobList(ctx, river.NewJobListParams().
		States(rivertype.JobStateDiscarded, rivertype.JobStateCancelled).
		OrderBy(river.JobListOrderByFinalizedAt, river.SortOrderDesc).First(min(limit, mostListed)))
	if err != nil {
		return nil, unavailable("list dead letters", err)
	}
	for _, job := range found.Jobs {
		letters = append(letters, letterOf(job))
	}
	if q.carrier != nil {
		carried, err := q.carrier.deadLetters(ctx, limit)
		if err != nil {
			return nil, err
		}
		letters = append(letters, carried...)
	}
	slices.SortStableFunc(letters, func(a, b DeadLetter) int { return b.FailedAt.Compare(a.FailedAt) })
	return letters[:min(limit, len(letters))], nil
}

// mostListed is the most that River lists at once.
const mostListed = 10_000

func letterOf(job *rivertype.JobRow) DeadLetter {
	letter := DeadLetter{ID: strconv.FormatInt(job.ID, 10), Kind: job.Kind, Attempts: job.Attempt}
	letter.OrderID = orderOf(job.EncodedArgs)
	if job.FinalizedAt != nil {
		letter.FailedAt = job.FinalizedAt.UTC()
	}
	if last := len(job.Errors) - 1; last >= 0 {
		letter.Error = job.Errors[last].Error
	}
	return letter
}

// orderOf gives what stands where an order's ID should.
func orderOf(data []byte) string {
	var about struct {
		OrderID string `json:"order_id"`
	}
	if json.Unmarshal(data, &about) != nil {
		return ""
	}
	return about.OrderID
}

// Requeue has a dead letter tried again, as often as a new job. Errors:
// ErrNoDeadLetter, catalog.ErrUnavailable.
func (q *Queue) Requeue(ctx context.Context, id string) error {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number <= 0 || strconv.FormatInt(number, 10) != id {
		if q.carrier != nil {
			return q.carrier.requeue(ctx, id)
		}
		return ErrNoDeadLetter
	}
	err = pgx.BeginFunc(ctx, q.options.Pool, func(tx pgx.Tx) error {
		// River counts on from the last attempt. Only one of two that requeue the
		// same letter finds it, as the row is locked until the other is done.
		done, err := tx.Exec(ctx, "UPDATE river_job SET attempt = 0 WHERE id = $1 AND state IN ('discarded', 'cancelled')", number)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return ErrNoDeadLetter
		}
		_, err = q.client.JobRetryTx(ctx, tx, number)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoDeadLetter) {
		return unavailable("requeue a dead letter", err)
	}
	return err
}

func unavailable(action string, err error) error {
	return fmt.Errorf("%s: %w: %w", action, catalog.ErrUnavailable, err)
}
