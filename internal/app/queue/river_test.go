package queue_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
)

func TestAnOrderIsReservedThenConfirmed(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{Work: true}, nil)
	p.run(t, patience)
	product := p.product(t, "LAMP", 10)
	order := p.place(t, "k", product, 3)
	eventually(t, "the order is confirmed", func() bool { return p.status(t, order.ID) == orders.Confirmed })
	if left := p.stock(t, product); left.Stock != 7 || left.Version != 2 {
		t.Errorf("%d pieces are left at version %d, want 7 at 2", left.Stock, left.Version)
	}
	eventually(t, "both jobs are counted", func() bool {
		return p.seen.count("order-reserve worked") == 1 && p.seen.count("order-confirm worked") == 1
	})
}

func TestOneProcessAddsJobsAndAnotherWorksOnThem(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	api := start(t, at, queue.Options{}, nil)
	api.run(t, patience)
	order := api.place(t, "k", api.product(t, "LAMP", 10), 3)
	eventually(t, "the job is seen to wait", func() bool { depth, _ := api.seen.sampled(); return depth["available"] == 1 })
	if api.Working() {
		t.Error("a process that only adds jobs says that it works on them")
	}
	worker := start(t, at, queue.Options{Work: true}, nil)
	worker.run(t, patience)
	eventually(t, "the order is confirmed", func() bool { return api.status(t, order.ID) == orders.Confirmed })
	if !worker.Working() {
		t.Error("a process that works on jobs denies it")
	}
}

// TestDuplicatesAndDisorderChangeNothingTwice has the jobs of orders many times
// over, those to confirm before those to reserve.
func TestDuplicatesAndDisorderChangeNothingTwice(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{Work: true, Workers: 8, MaxAttempts: 30}, nil)
	product := p.product(t, "LAMP", 25)
	var placed []orders.Order
	for i := range 10 {
		order := p.place(t, fmt.Sprint(i), product, 3) // the last two can't be had
		placed = append(placed, order)
		p.enqueue(t, order.ID, p.EnqueueConfirm, p.EnqueueReserve, p.EnqueueConfirm, p.EnqueueReserve, p.EnqueueConfirm)
	}
	if _, err := p.store.Pool().Exec(t.Context(), // the newest first
		"UPDATE river_job SET scheduled_at = scheduled_at - id * interval '1 millisecond'"); err != nil {
		t.Fatal(err)
	}
	p.run(t, patience)
	eventually(t, "every job is done", func() bool {
		depth, _ := p.seen.sampled()
		return depth != nil && depth["available"]+depth["running"]+depth["retryable"]+depth["scheduled"] == 0
	})
	got := map[orders.Status]int{}
	for _, order := range placed {
		after, err := p.orders.Get(t.Context(), ann, order.ID)
		if err != nil {
			t.Fatal(err)
		}
		got[after.Status]++
		if want := map[orders.Status]int64{orders.Confirmed: 3, orders.Rejected: 2}[after.Status]; after.Version != want {
			t.Errorf("an order that is %s is at version %d, want %d", after.Status, after.Version, want)
		}
	}
	if diff := cmp.Diff(map[orders.Status]int{orders.Confirmed: 8, orders.Rejected: 2}, got); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if left := p.stock(t, product); left.Stock != 1 || left.Version != 9 {
		t.Errorf("%d pieces are left at version %d, want 1 at 9", left.Stock, left.Version)
	}
	if letters := p.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"errors": func() error { return errBroken },
		"panics": func() error { panic("it is broken") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work := &handlers{do: func(_ context.Context, call int) error {
				if call < 3 {
					return fail()
				}
				return nil
			}}
			p := start(t, migrated(t), queue.Options{Work: true}, work)
			p.run(t, patience)
			p.enqueue(t, uuid.New(), p.EnqueueReserve)
			eventually(t, "the third attempt succeeds", func() bool { return p.seen.count("order-reserve worked") == 1 })
			if retried := p.seen.count("order-reserve retry"); retried != 2 || work.count() != 3 {
				t.Errorf("%d failures in %d calls, want 2 in 3", retried, work.count())
			}
			if letters := p.letters(t); len(letters) > 0 {
				t.Errorf("dead letters: %+v", letters)
			}
		})
	}
}

func TestWhatFailsForGoodIsADeadLetterUntilItIsRequeued(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	work := &handlers{do: func(context.Context, int) error {
		if mended.Load() {
			return nil
		}
		return errBroken
	}}
	p := start(t, migrated(t), queue.Options{Work: true, MaxAttempts: 3}, work)
	p.run(t, patience)
	id := uuid.New()
	p.enqueue(t, id, p.EnqueueConfirm)
	eventually(t, "it is a dead letter", func() bool { return len(p.letters(t)) == 1 })
	letter := p.letters(t)[0]
	want := queue.DeadLetter{Kind: "order-confirm", OrderID: id.String(), Attempts: 3, Error: "it is broken"}
	if diff := cmp.Diff(want, letter, cmpopts.IgnoreFields(queue.DeadLetter{}, "ID", "FailedAt")); diff != "" {
		t.Errorf("the letter (-want +got):\n%s", diff)
	}
	if age := time.Since(letter.FailedAt); age < -time.Second || age > patience {
		t.Errorf("it failed %s ago", age)
	}
	eventually(t, "it is counted", func() bool {
		depth, _ := p.seen.sampled()
		return depth["discarded"] == 1 && p.seen.count("order-confirm dead") == 1
	})

	// As often as a new one: so it fails for good again.
	if err := p.Requeue(t.Context(), letter.ID); err != nil {
		t.Fatalf("requeue: %v", err)
	}
	eventually(t, "it has three attempts more", func() bool { return len(p.letters(t)) == 1 && work.count() == 6 })
	mended.Store(true)
	if err := p.Requeue(t.Context(), letter.ID); err != nil {
		t.Fatalf("requeue: %v", err)
	}
	eventually(t, "it is done", func() bool { return p.seen.count("order-confirm worked") == 1 })
	if letters := p.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	if err := p.Requeue(t.Context(), letter.ID); err == nil || err.Error() != "no such dead letter" {
		t.Errorf("requeue what is done: %v", err)
	}
}

// TestPoisonIsADeadLetterAtOnce has jobs that nobody can do.
func TestPoisonIsADeadLetterAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ kind, args, order, message string }{
		"an order that isn't there": {"order-reserve", `{"order_id": "0198c0de-0000-7000-8000-000000000000"}`, "0198c0de-0000-7000-8000-000000000000", "no such order"},
		"no order":                  {"order-reserve", `{}`, "", "names no order"},
		"an order that is none":     {"order-confirm", `{"order_id": "all of them"}`, "all of them", "can't be read"},
		"an order of another type":  {"order-confirm", `{"order_id": 7}`, "", "can't be read"},
		"no object":                 {"order-reserve", `["order_id"]`, "", "can't be read"},
		"an unknown kind within":    {"order-forward", `{"job": "order-eat", "order_id": "0198c0de-0000-7000-8000-000000000000"}`, "0198c0de-0000-7000-8000-000000000000", `no kind "order-eat"`},
	}
	p := start(t, migrated(t), queue.Options{Work: true}, nil)
	p.run(t, patience)
	product := p.product(t, "LAMP", 10)
	for name, test := range tests {
		var id int64
		if err := p.store.Pool().QueryRow(t.Context(), `INSERT INTO river_job (state, max_attempts, kind, queue, args)
			VALUES ('available', 4, $1, 'default', $2) RETURNING id`, test.kind, test.args).Scan(&id); err != nil {
			t.Fatal(err)
		}
		var letter queue.DeadLetter
		eventually(t, name+" is a dead letter", func() bool {
			for _, letter = range p.letters(t) {
				if letter.ID == fmt.Sprint(id) {
					return true
				}
			}
			return false
		})
		if letter.Attempts != 1 || letter.OrderID != test.order || letter.Kind != test.kind || !strings.Contains(letter.Error, test.message) {
			t.Errorf("%s: %+v, want an error with %q", name, letter, test.message)
		}
	}
	// They keep nobody else from work.
	order := p.place(t, "k", product, 3)
	eventually(t, "an order is confirmed", func() bool { return p.status(t, order.ID) == orders.Confirmed })
}

// TestWhatSQSWasToCarryIsDoneHere covers a service that goes back to River.
func TestWhatSQSWasToCarryIsDoneHere(t *testing.T) {
	t.Parallel()
	work := &handlers{}
	p := start(t, migrated(t), queue.Options{Work: true}, work)
	p.run(t, patience)
	if _, err := p.store.Pool().Exec(t.Context(), `INSERT INTO river_job (state, max_attempts, kind, queue, args)
		VALUES ('available', 4, 'order-forward', 'default', '{"job": "order-confirm", "order_id": "0198c0de-0000-7000-8000-000000000000"}')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is done", func() bool { return work.count() == 1 })
	if diff := cmp.Diff([]string{"confirm 0198c0de-0000-7000-8000-000000000000"}, work.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestDeadLettersThatThereAreNot(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{}, nil)
	p.enqueue(t, uuid.New(), p.EnqueueReserve) // job 1 waits
	for _, id := range []string{"1", "2", "0", "-1", "01", "+1", "1e3", "", "one", "99999999999999999999", uuid.NewString(), "1; DROP TABLE river_job"} {
		if err := p.Requeue(t.Context(), id); err == nil || err.Error() != "no such dead letter" {
			t.Errorf("requeue %q: %v", id, err)
		}
	}
	if letters, err := p.ListDeadLetters(t.Context(), 0); len(letters) > 0 || err != nil {
		t.Errorf("none asked for: %v, %v", letters, err)
	}
}

func TestTheLastDeadLettersComeFirst(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{}, nil)
	if _, err := p.store.Pool().Exec(t.Context(), `INSERT INTO river_job (state, attempt, max_attempts, finalized_at, kind, args)
		SELECT CASE WHEN n % 2 = 0 THEN 'discarded' ELSE 'cancelled' END::river_job_state, 1, 1, now() - n * interval '1 minute', 'order-reserve', '{}'
		FROM generate_series(1, 5) AS n`); err != nil {
		t.Fatal(err)
	}
	letters, err := p.ListDeadLetters(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, letter := range letters {
		ids = append(ids, letter.ID)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, ids); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}
