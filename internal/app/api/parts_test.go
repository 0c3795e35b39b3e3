package api_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/cache/redistest"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store"
)

// parts are the real ones, on a database and a Redis of their own. Nobody works
// on jobs unless a test does.
type parts struct {
	store   audited
	redis   *redistest.Server
	cache   *cache.Cache
	catalog *catalog.Catalog
	orders  *orders.Orders
	queue   *queue.Queue
	flags   *flags.Flags
	pool    *store.Store
}

type audited = store.Audit

func newParts(t *testing.T, url string) *parts {
	t.Helper()
	database := store.Options{URL: url, MaxConnections: 8, ConnectTimeout: 3 * time.Second, StatementTimeout: 5 * time.Second}
	if _, err := store.Migrate(t.Context(), database, time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	kept, err := store.New(t.Context(), database)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(kept.Close)
	p := &parts{store: kept.Audit(), pool: kept, redis: redistest.Start(t)}
	client := p.redis.Client(t)
	p.cache = cache.New(cache.Options{
		Client: client, TTL: time.Minute, LoadTimeout: 5 * time.Second, Observer: unwatchedCache{}, Now: time.Now,
	})
	p.catalog = catalog.New(kept, p.cache, time.Now)
	p.queue, err = queue.New(queue.Options{
		Pool: kept.Pool(), MaxAttempts: 3, MaxDepth: 1000, Tracer: noop.NewTracerProvider().Tracer(""), Logger: zap.NewNop(), Observer: unwatchedQueue{},
	})
	if err != nil {
		t.Fatalf("make the queue: %v", err)
	}
	p.orders = orders.New(orders.Options{Store: store.NewOrders(kept, p.queue, time.Now), Cache: p.cache, Now: time.Now})
	p.queue.Handle(p.orders)
	p.flags, err = flags.New(t.Context(), flags.Options{Default: builtInFlags(t), Store: kept})
	if err != nil {
		t.Fatalf("read the flags: %v", err)
	}
	return p
}

// confirm does what workers do for an order.
func (p *parts) confirm(t *testing.T, order string) {
	t.Helper()
	id := uuid.MustParse(order)
	if err := p.orders.Reserve(t.Context(), id); err != nil {
		t.Fatalf("reserve: %v", err)
	}
	if err := p.orders.Confirm(t.Context(), id); err != nil {
		t.Fatalf("confirm: %v", err)
	}
}

// deadLetter makes one, and gives its ID.
func (p *parts) deadLetter(t *testing.T) string {
	t.Helper()
	var id int64
	err := p.pool.Pool().QueryRow(t.Context(), `
		INSERT INTO river_job (state, attempt, max_attempts, finalized_at, kind, queue, args)
		VALUES ('discarded', 3, 3, now(), 'order-reserve', 'default', '{"order_id":"`+unknownID+`"}')
		RETURNING id`).Scan(&id)
	if err != nil {
		t.Fatalf("make a dead letter: %v", err)
	}
	return strconv.FormatInt(id, 10)
}

type unwatchedCache struct{}

func (unwatchedCache) CacheRead(cache.Result, cache.Tier) {}
func (unwatchedCache) CacheInvalidation(bool)             {}
func (unwatchedCache) CacheUp(bool)                       {}
func (unwatchedCache) CacheLocal(bool, error)             {}

type unwatchedQueue struct{}

func (unwatchedQueue) JobWorked(string, queue.Outcome, time.Duration) {}
func (unwatchedQueue) QueueSampled(map[string]int64, time.Duration)   {}
