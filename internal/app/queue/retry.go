package queue

import (
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/rivertype"
)

const longestWait = 5 * time.Minute

// NextRetry implements river.ClientRetryPolicy.
func (q *Queue) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(q.waitAfter(job.Attempt))
}

// waitAfter is how long a job waits that has failed so many times.
func (q *Queue) waitAfter(attempts int) time.Duration {
	wait := q.options.FirstRetry
	for i := 1; i < attempts && wait < longestWait; i++ {
		wait *= 2
	}
	return jitter(min(wait, longestWait))
}

// jitter is the wait, give or take a fifth: what failed at once isn't tried at once.
func jitter(wait time.Duration) time.Duration {
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}
