package orders_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
)

// memory is a store of one caller at a time. Package store has the real one.
type memory struct {
	orders map[orders.ID]orders.Order
	keys   map[string]orders.Placing
	stock  map[catalog.ID]int64
	jobs   []string
	fails  error // what every call answers
	lost   error // what changes answer once they are done
}

func newMemory() *memory {
	return &memory{
		orders: map[orders.ID]orders.Order{}, keys: map[string]orders.Placing{}, stock: map[catalog.ID]int64{},
	}
}

func (m *memory) PlaceOrder(_ context.Context, placing orders.Placing) (orders.Order, bool, error) {
	if m.fails != nil {
		return orders.Order{}, false, m.fails
	}
	key := placing.Owner + " " + placing.Key
	if before, used := m.keys[key]; used {
		if !bytes.Equal(before.Fingerprint, placing.Fingerprint) {
			return orders.Order{}, false, orders.ErrKeyReused
		}
		return m.orders[before.ID], true, nil
	}
	m.keys[key], m.orders[placing.ID] = placing, placing.Order
	m.jobs = append(m.jobs, "reserve")
	return placing.Order, false, nil
}

func (m *memory) Order(_ context.Context, id orders.ID) (orders.Order, error) {
	found, known := m.orders[id]
	if !known {
		return orders.Order{}, cmp.Or(m.fails, orders.ErrNotFound)
	}
	return found, m.fails
}

func (m *memory) Orders(_ context.Context, query orders.Query) ([]orders.Order, error) {
	var found []orders.Order
	for _, order := range m.orders {
		if (query.Owner == "" || order.Owner == query.Owner) && (query.Status == "" || order.Status == query.Status) &&
			(query.After == nil || bytes.Compare(order.ID[:], query.After.ID[:]) < 0) {
			found = append(found, order)
		}
	}
	slices.SortFunc(found, func(a, b orders.Order) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return found[:min(len(found), query.Limit)], m.fails
}

func (m *memory) ChangeOrder(
	_ context.Context, id orders.ID, decide func(orders.Order) (orders.Change, error),
) (orders.Order, []orders.Stocked, error) {
	order, known := m.orders[id]
	if m.fails != nil || !known {
		return orders.Order{}, nil, cmp.Or(m.fails, orders.ErrNotFound)
	}
	change, err := decide(order)
	if err != nil || change.Status == "" {
		return order, nil, err
	}
	var stocked []orders.Stocked
	for _, line := range order.Lines {
		switch {
		case change.Stock == orders.Take && m.stock[line.ProductID] < line.Quantity:
			change = orders.Change{Status: orders.Rejected, Reason: "too few"}
		case change.Stock == orders.Take:
			m.stock[line.ProductID] -= line.Quantity
			stocked = append(stocked, orders.Stocked{ID: line.ProductID, Version: 2})
		case change.Stock == orders.Return:
			m.stock[line.ProductID] += line.Quantity
			stocked = append(stocked, orders.Stocked{ID: line.ProductID, Version: 3})
		}
	}
	order.Status, order.Reason, order.Version = change.Status, change.Reason, order.Version+1
	m.orders[id] = order
	if change.Confirm {
		m.jobs = append(m.jobs, "confirm")
	}
	return order, stocked, m.lost
}

// stale collects what the cache is told.
type stale map[catalog.ID]int64

func (s stale) Invalidate(_ context.Context, id catalog.ID, version int64) { s[id] = version }

// shop is the rules over a store in memory that has one product.
type shop struct {
	*orders.Orders
	store   *memory
	stale   stale
	full    bool
	product catalog.ID
}

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{store: newMemory(), stale: stale{}, product: uuid.Must(uuid.NewV7())}
	s.store.stock[s.product] = 10
	s.Orders = orders.New(orders.Options{
		Store: s.store, Cache: s.stale, Full: func() bool { return s.full }, Now: func() time.Time { return noon },
	})
	return s
}

var (
	ann   = orders.Actor{Subject: "ann"}
	bob   = orders.Actor{Subject: "bob"}
	admin = orders.Actor{Subject: "root", Admin: true}
)

func (s *shop) draft(quantity int64) orders.Draft {
	return orders.Draft{Lines: []orders.DraftLine{{ProductID: s.product, Quantity: quantity}}}
}

// place gives an order of ann's in the state.
func (s *shop) place(t *testing.T, key string, status orders.Status) orders.Order {
	t.Helper()
	placed, _, err := s.Place(t.Context(), ann, key, s.draft(3))
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	placed.Status = status
	s.store.orders[placed.ID] = placed
	return placed
}
