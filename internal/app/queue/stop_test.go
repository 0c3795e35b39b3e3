package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func TestAStopLetsJobsFinishAndBeginsNone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	work := &handlers{do: func(ctx context.Context, _ int) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	p := start(t, migrated(t), queue.Options{Work: true, Workers: 2, JobTimeout: patience}, work)
	for range 5 {
		p.enqueue(t, uuid.New(), p.EnqueueReserve)
	}
	stop := p.run(t, patience)
	eventually(t, "as many as there are workers have begun", func() bool { return work.count() == 2 })
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	eventually(t, "no jobs are taken any more", func() bool { return !p.Working() })
	close(release)
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if begun, worked := work.count(), p.seen.count("order-reserve worked"); begun != 2 || worked != 2 {
		t.Errorf("%d jobs have begun and %d are done, want 2 of both", begun, worked)
	}
	var waiting int
	if err := p.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE state = 'available'").Scan(&waiting); err != nil || waiting != 3 {
		t.Errorf("%d jobs wait for the next worker, %v; want 3", waiting, err)
	}
}

// TestAJobThatIsCutShortIsDoneOnceByAnother kills a worker after its job has
// begun, and another after the job's effect, before it could be told.
func TestAJobThatIsCutShortIsDoneOnceByAnother(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	var begun atomic.Int32
	var rules *orders.Orders
	var id atomic.Pointer[orders.ID]
	dies := func(before bool) queue.Handlers {
		return &handlers{do: func(ctx context.Context, _ int) error {
			if !before {
				if err := rules.Reserve(ctx, *id.Load()); err != nil {
					return err
				}
			}
			begun.Add(1)
			<-ctx.Done()
			return fmt.Errorf("reserve an order: %w", ctx.Err())
		}}
	}
	first := start(t, at, queue.Options{Work: true, MaxAttempts: 1}, dies(true))
	rules = first.orders
	product := first.product(t, "LAMP", 10)
	order := first.place(t, "k", product, 3)
	id.Store(&order.ID)
	for i, before := range []bool{true, false} {
		worker := start(t, at, queue.Options{Work: true, MaxAttempts: 1}, dies(before))
		stop := worker.run(t, time.Millisecond)
		eventually(t, "the job has begun", func() bool { return begun.Load() > int32(i) })
		if err := stop(); !errors.Is(err, queue.ErrCutShort) {
			t.Fatalf("stop: %v", err)
		}
		if retried := worker.seen.count("order-reserve retry"); retried != 1 {
			t.Errorf("%d attempts are to be repeated, want 1", retried)
		}
	}
	if letters := first.letters(t); len(letters) > 0 {
		t.Fatalf("being cut short used up its only attempt: %+v", letters)
	}
	last := start(t, at, queue.Options{Work: true, MaxAttempts: 1}, nil)
	last.run(t, patience)
	eventually(t, "the order is confirmed", func() bool { return last.status(t, order.ID) == orders.Confirmed })
	if left := last.stock(t, product); left.Stock != 7 || left.Version != 2 {
		t.Errorf("%d pieces are left at version %d, want 7 at 2", left.Stock, left.Version)
	}
}

// TestAJobWhoseWorkerHasDiedIsTakenUpAgain has a job that is marked as running
// by a process that is gone.
func TestAJobWhoseWorkerHasDiedIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	p := start(t, migrated(t), queue.Options{Work: true, JobTimeout: 100 * time.Millisecond}, nil)
	product := p.product(t, "LAMP", 10)
	order := p.place(t, "k", product, 3)
	if _, err := p.store.Pool().Exec(t.Context(), `
		UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '1 hour', attempted_by = '{gone}'`); err != nil {
		t.Fatal(err)
	}
	p.run(t, patience)
	eventually(t, "the order is confirmed", func() bool { return p.status(t, order.ID) == orders.Confirmed })
}

// TestPostgresMayComeLateAndRestart goes on with the same process.
func TestPostgresMayComeLateAndRestart(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	outside := start(t, at, queue.Options{}, nil) // not by way of the proxy
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	p := start(t, through(t, proxy, at), queue.Options{Work: true, Workers: 4, JobTimeout: 2 * time.Second, MaxAttempts: 8}, nil)
	p.run(t, patience)
	product := outside.product(t, "LAMP", 1000)
	var placed []orders.Order
	for round := range 3 {
		if p.Working() != (round > 0) {
			t.Errorf("round %d: working is %t", round, p.Working())
		}
		for i := range 20 {
			placed = append(placed, outside.place(t, fmt.Sprintf("%d-%d", round, i), product, 2))
		}
		proxy.Up(t)
		eventually(t, "a job of this round is done", func() bool {
			return outside.status(t, placed[len(placed)-1].ID) == orders.Confirmed
		})
		proxy.Down() // in the midst of it
	}
	proxy.Up(t)
	for _, order := range placed {
		eventually(t, "every order is confirmed", func() bool { return outside.status(t, order.ID) == orders.Confirmed })
	}
	if left := outside.stock(t, product); left.Stock != 1000-3*20*2 || left.Version != 1+3*20 {
		t.Errorf("%d pieces are left at version %d", left.Stock, left.Version)
	}
	if letters := outside.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestAStopWhilePostgresIsAwayIsQuick(t *testing.T) {
	t.Parallel()
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	p := start(t, through(t, proxy, migrated(t)), queue.Options{Work: true}, nil)
	for _, was := range []string{"never there", "there before"} {
		stop := p.run(t, 5*time.Second)
		if was == "there before" {
			proxy.Up(t)
			eventually(t, "it works", p.Working)
			proxy.Down()
		}
		began := time.Now()
		if err := stop(); err != nil && !errors.Is(err, queue.ErrCutShort) {
			t.Errorf("%s: %v", was, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: it took %s", was, took)
		}
	}
}

func TestNoMoreJobsAreBegunThanThereAreWorkers(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	gate := make(chan struct{})
	work := &handlers{do: func(ctx context.Context, _ int) error {
		defer now.Add(-1)
		if at := now.Add(1); at > most.Load() {
			most.Store(at)
		}
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil
	}}
	p := start(t, migrated(t), queue.Options{Work: true, Workers: 3, JobTimeout: patience}, work)
	p.run(t, patience)
	for range 12 {
		p.enqueue(t, uuid.New(), p.EnqueueReserve)
	}
	eventually(t, "all workers are busy and the others seen to wait", func() bool {
		depth, _ := p.seen.sampled()
		return now.Load() == 3 && depth["running"] == 3 && depth["available"] == 9
	})
	close(gate)
	eventually(t, "all is done", func() bool { return p.seen.count("order-reserve worked") == 12 })
	if most.Load() != 3 {
		t.Errorf("%d jobs were worked on at once, want 3", most.Load())
	}
}
