package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	postgres.Main(m)
}

const patience = 60 * time.Second

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// migrated is the URL of a database of its own, at head.
func migrated(t testing.TB) string {
	t.Helper()
	at := postgres.URL(t, postgres.Database(t))
	if _, err := store.Migrate(t.Context(), store.Options{URL: at, ConnectTimeout: 3 * time.Second}, time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return at
}

// through is the URL of the same database by way of the proxy.
func through(t testing.TB, proxy *storetest.Proxy, at string) string {
	t.Helper()
	parsed, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://postgres@%s%s?sslmode=disable", proxy.Address(), parsed.Path)
}

func open(t testing.TB, at string) *store.Store {
	t.Helper()
	opened, err := store.New(t.Context(), store.Options{
		URL: at, ConnectTimeout: 3 * time.Second, MaxConnections: 12, StatementTimeout: 5 * time.Second, LockTimeout: 4 * time.Second,
	})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(opened.Close)
	return opened
}

// process is a process of the service: its queue, and orders over it.
type process struct {
	*queue.Queue
	store  *store.Store
	orders *orders.Orders
	seen   *observer
}

// start makes a process on the database. Its handlers are those of orders unless
// others are given.
func start(t testing.TB, at string, options queue.Options, handlers queue.Handlers) *process {
	t.Helper()
	p := &process{store: open(t, at), seen: &observer{}}
	options.Pool, options.Observer = p.store.Pool(), p.seen
	if options.MaxAttempts == 0 {
		options.MaxAttempts = 4
	}
	if options.MaxDepth == 0 {
		options.MaxDepth = 10_000
	}
	if options.Work && options.Workers == 0 {
		options.Workers = 4
	}
	if options.FirstRetry == 0 {
		options.FirstRetry = time.Millisecond
	}
	if options.SampleInterval == 0 {
		options.SampleInterval = 50 * time.Millisecond
	}
	var err error
	if p.Queue, err = queue.New(options); err != nil {
		t.Fatal(err)
	}
	p.orders = orders.New(orders.Options{
		Store: store.NewOrders(p.store, p.Queue, time.Now), Cache: uncached{}, Full: p.Full, Now: time.Now,
	})
	if handlers == nil {
		handlers = p.orders
	}
	p.Handle(handlers)
	return p
}

// run has the process run until the test's end, or until stop is called, which
// gives what Run did.
func (p *process) run(t testing.TB, stopTimeout time.Duration) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, stopTimeout) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("the queue doesn't stop")
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, queue.ErrCutShort) {
			t.Errorf("run: %v", err)
		}
	})
	return stop
}

// enqueue adds jobs for an order, in one transaction.
func (p *process) enqueue(t testing.TB, id orders.ID, adds ...func(context.Context, pgx.Tx, orders.ID) error) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), p.store.Pool(), func(tx pgx.Tx) error {
		for _, add := range adds {
			if err := add(t.Context(), tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("enqueue: %v", err)
	}
}

func (p *process) product(t testing.TB, sku string, stock int64) catalog.Product {
	t.Helper()
	created, err := p.store.Create(t.Context(), catalog.Product{
		ID:    uuid.Must(uuid.NewV7()),
		Draft: catalog.Draft{SKU: sku, Name: sku, PriceMinor: 100, Currency: "EUR", Stock: stock}, CreatedAt: time.Now(),
	})
	if err != nil {
		t.Fatalf("create a product: %v", err)
	}
	return created
}

var ann = orders.Actor{Subject: "ann"}

func (p *process) place(t testing.TB, key string, product catalog.Product, quantity int64) orders.Order {
	t.Helper()
	placed, _, err := p.orders.Place(t.Context(), ann, key, orders.Draft{
		Lines: []orders.DraftLine{{ProductID: product.ID, Quantity: quantity}},
	})
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	return placed
}

func (p *process) status(t testing.TB, id orders.ID) orders.Status {
	t.Helper()
	found, err := p.orders.Get(t.Context(), ann, id)
	if err != nil {
		t.Fatalf("read an order: %v", err)
	}
	return found.Status
}

func (p *process) stock(t testing.TB, product catalog.Product) catalog.Product {
	t.Helper()
	found, err := p.store.Get(t.Context(), product.ID)
	if err != nil {
		t.Fatalf("read a product: %v", err)
	}
	return found
}

func (p *process) letters(t testing.TB) []queue.DeadLetter {
	t.Helper()
	letters, err := p.ListDeadLetters(t.Context(), 100)
	if err != nil {
		t.Fatalf("list dead letters: %v", err)
	}
	return letters
}

type uncached struct{}

func (uncached) Invalidate(context.Context, catalog.ID, int64) {}

// observer remembers what it is told.
type observer struct {
	mutex    sync.Mutex
	outcomes map[string]int
	depth    map[string]int64
	lag      time.Duration
	samples  int
}

func (o *observer) JobWorked(kind string, outcome queue.Outcome, took time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.outcomes == nil {
		o.outcomes = map[string]int{}
	}
	if took < 0 {
		o.outcomes["took less than nothing"]++
	}
	o.outcomes[kind+" "+string(outcome)]++
}

func (o *observer) QueueSampled(depth map[string]int64, lag time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.depth, o.lag = depth, lag
	o.samples++
}

func (o *observer) count(what string) int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.outcomes[what]
}

func (o *observer) sampled() (depth map[string]int64, lag time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.depth, o.lag
}

// handlers stand in for orders, and remember what they are asked.
type handlers struct {
	do    func(ctx context.Context, call int) error // call counts from 1
	mutex sync.Mutex
	calls []string
}

func (h *handlers) Reserve(ctx context.Context, id orders.ID) error {
	return h.take(ctx, "reserve "+id.String())
}

func (h *handlers) Confirm(ctx context.Context, id orders.ID) error {
	return h.take(ctx, "confirm "+id.String())
}

func (h *handlers) take(ctx context.Context, call string) error {
	h.mutex.Lock()
	h.calls = append(h.calls, call)
	number := len(h.calls)
	h.mutex.Unlock()
	if h.do == nil {
		return nil
	}
	return h.do(ctx, number)
}

func (h *handlers) count() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.calls)
}

var errBroken = errors.New("it is broken")

// late adds jobs, and fails once they are added.
type late struct{ *queue.Queue }

func (l late) EnqueueReserve(ctx context.Context, tx pgx.Tx, id orders.ID) error {
	return errors.Join(l.Queue.EnqueueReserve(ctx, tx, id), errBroken)
}

func (l late) EnqueueConfirm(ctx context.Context, tx pgx.Tx, id orders.ID) error {
	return errors.Join(l.Queue.EnqueueConfirm(ctx, tx, id), errBroken)
}
