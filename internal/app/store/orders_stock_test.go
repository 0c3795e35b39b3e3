package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/pocctl/pocctl/internal/app/catalog"
	ordering "github.com/pocctl/pocctl/internal/app/orders"
)

// ledger is what came of all that was done at once.
type ledger struct {
	mutex  sync.Mutex
	placed map[ordering.ID]bool
	edited map[catalog.ID]int64 // pieces that editors have added, net
	edits  int
	losses int // edits that found another version
}

// TestStockIsConserved has customers, workers and editors at the same products
// at once: nothing is lost, made up or below zero, and nobody waits in a circle.
func TestStockIsConserved(t *testing.T) {
	t.Parallel()
	const (
		customers = 8
		each      = 25
		pieces    = 60
	)
	s := openShop(t, migratedURL(t))
	products := make([]catalog.Product, 5)
	for i := range products {
		product := aProduct(fmt.Sprint("P", i), "Thing")
		product.Stock = pieces
		products[i] = create(t, s.Store, product)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	book := &ledger{placed: map[ordering.ID]bool{}, edited: map[catalog.ID]int64{}}

	work := make(chan ordering.ID, 4*customers*each)
	var workers, people sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for id := range work {
				// A late confirmation of a placed order fails, as it should.
				err := errors.Join(s.rules.Reserve(t.Context(), id), s.rules.Confirm(t.Context(), id))
				if err != nil {
					t.Errorf("work: %v", err)
				}
			}
		})
	}
	for customer := range customers {
		random := rand.New(rand.NewPCG(seed, uint64(customer)))
		people.Go(func() { s.shopAround(t, random, customer, each, products, book, work) })
	}
	for editor := range 2 {
		random := rand.New(rand.NewPCG(seed, uint64(1000+editor)))
		people.Go(func() { s.restock(t, random, products, book) })
	}
	people.Wait()
	close(work)
	workers.Wait()
	s.audit(t, products, pieces, customers*each, book)
}

// shopAround places orders, has some of them reserved by several at once, and
// cancels some.
func (s *shop) shopAround(
	t *testing.T, random *rand.Rand, customer, count int, products []catalog.Product, book *ledger, work chan<- ordering.ID,
) {
	actor := ordering.Actor{Subject: fmt.Sprint("customer ", customer)}
	for i := range count {
		var draft ordering.Draft
		for _, p := range random.Perm(len(products))[:1+random.IntN(len(products))] { // in any order
			draft.Lines = append(draft.Lines, line(products[p], 1+random.Int64N(4)))
		}
		var order ordering.Order
		for range 1 + random.IntN(2) { // sent again
			var err error
			if order, _, err = s.rules.Place(t.Context(), actor, fmt.Sprint(i), draft); err != nil {
				t.Errorf("place: %v", err)
				return
			}
		}
		book.mutex.Lock()
		book.placed[order.ID] = true
		book.mutex.Unlock()
		for range random.IntN(4) { // not at all, or up to thrice
			work <- order.ID
		}
		if random.IntN(3) > 0 {
			continue
		}
		var state *ordering.StateError
		if _, err := s.rules.Cancel(t.Context(), actor, order.ID); err != nil && !errors.As(err, &state) {
			t.Errorf("cancel: %v", err)
		}
	}
}

// restock adds and takes pieces, each time for the version that it has seen.
func (s *shop) restock(t *testing.T, random *rand.Rand, products []catalog.Product, book *ledger) {
	for range 60 {
		seen, err := s.Get(t.Context(), products[random.IntN(len(products))].ID)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		change := max(-seen.Stock, random.Int64N(7)-3)
		seen.Stock += change
		_, err = s.Update(t.Context(), seen, seen.Version)
		var mismatch *catalog.VersionMismatch
		book.mutex.Lock()
		switch {
		case err == nil:
			book.edited[seen.ID] += change
			book.edits++
		case errors.As(err, &mismatch):
			book.losses++
		default:
			t.Errorf("edit: %v", err)
		}
		book.mutex.Unlock()
	}
}

// audit compares stock, orders and what was done.
func (s *shop) audit(t *testing.T, products []catalog.Product, pieces int64, placed int, book *ledger) {
	t.Helper()
	taken := map[catalog.ID]int64{}
	states := map[ordering.Status]int{}
	query := ordering.Query{Limit: 100}
	for {
		page, err := s.rules.List(t.Context(), root, query)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range page.Orders {
			states[order.Status]++
			if !book.placed[order.ID] {
				t.Errorf("nobody has placed %s", order.ID)
			}
			delete(book.placed, order.ID)
			if order.Status == ordering.Reserved || order.Status == ordering.Confirmed {
				for _, line := range order.Lines {
					taken[line.ProductID] += line.Quantity
				}
			}
		}
		if query.After = page.Next; page.Next == nil {
			break
		}
	}
	t.Logf("%d orders: %v; %d edits, %d of an old version", placed, states, book.edits, book.losses)
	for id := range book.placed {
		t.Errorf("%s is lost", id)
	}
	for _, product := range products {
		got, err := s.Get(t.Context(), product.ID)
		if err != nil {
			t.Fatal(err)
		}
		if want := pieces + book.edited[product.ID] - taken[product.ID]; got.Stock != want || got.Stock < 0 {
			t.Errorf("%s has %d pieces, want %d: %d, %+d by editors, %d taken",
				product.SKU, got.Stock, want, pieces, book.edited[product.ID], taken[product.ID])
		}
		if got.Version < s.stale.versions[product.ID] {
			t.Errorf("%s is at version %d, and the cache was told of %d", product.SKU, got.Version, s.stale.versions[product.ID])
		}
	}
	for _, status := range []ordering.Status{ordering.Confirmed, ordering.Rejected, ordering.Cancelled} {
		if states[status] == 0 {
			t.Errorf("no order is %s: this tests too little", status)
		}
	}
	if book.edits == 0 {
		t.Error("no edit was done: this tests too little")
	}
}
