package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	ordering "github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/store"
)

// shop is a store with orders over it. Package queue tests the jobs.
type shop struct {
	*store.Store
	rules *ordering.Orders
	jobs  *added
	stale *staleness
}

func openShop(t testing.TB, url string) *shop {
	t.Helper()
	s := &shop{Store: open(t, url), jobs: &added{}, stale: &staleness{versions: map[catalog.ID]int64{}}}
	s.rules = ordering.New(ordering.Options{Store: store.NewOrders(s.Store, s.jobs, time.Now), Cache: s.stale, Now: time.Now})
	return s
}

// added counts jobs.
type added struct {
	mutex sync.Mutex
	kinds map[string]int
}

func (a *added) add(kind string, id ordering.ID) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.kinds == nil {
		a.kinds = map[string]int{}
	}
	a.kinds[kind+" "+id.String()]++
	return nil
}

func (a *added) EnqueueReserve(_ context.Context, _ pgx.Tx, id ordering.ID) error {
	return a.add("reserve", id)
}

func (a *added) EnqueueConfirm(_ context.Context, _ pgx.Tx, id ordering.ID) error {
	return a.add("confirm", id)
}

// staleness is what the cache is told: the newest version of each product.
type staleness struct {
	mutex    sync.Mutex
	versions map[catalog.ID]int64
}

func (s *staleness) Invalidate(_ context.Context, id catalog.ID, version int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.versions[id] = max(s.versions[id], version)
}

var (
	ann  = ordering.Actor{Subject: "ann"}
	root = ordering.Actor{Subject: "root", Admin: true}
)

func (s *shop) place(t testing.TB, key string, lines ...ordering.DraftLine) ordering.Order {
	t.Helper()
	placed, _, err := s.rules.Place(t.Context(), ann, key, ordering.Draft{Lines: lines})
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	return placed
}

func line(product catalog.Product, quantity int64) ordering.DraftLine {
	return ordering.DraftLine{ProductID: product.ID, Quantity: quantity}
}

func TestAnOrderTellsOfProductsAsTheyWere(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	lamp, desk := create(t, s.Store, aProduct("LAMP", "Lamp")), create(t, s.Store, aProduct("DESK", "Desk"))
	placed := s.place(t, "k", line(desk, 2), line(lamp, 3))
	lamp.PriceMinor, lamp.Name = 1, "Another"
	if _, err := s.Update(t.Context(), lamp, catalog.AnyVersion); err != nil {
		t.Fatal(err)
	}
	read, err := s.rules.Get(t.Context(), ann, placed.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := ordering.Order{
		ID: placed.ID, Owner: "ann", Status: ordering.Placed, TotalMinor: 5 * 1999, Currency: "EUR", Version: 1,
		Lines: []ordering.Line{
			{ProductID: desk.ID, SKU: "DESK", Name: "Desk", Quantity: 2, UnitPriceMinor: 1999},
			{ProductID: lamp.ID, SKU: "LAMP", Name: "Lamp", Quantity: 3, UnitPriceMinor: 1999},
		},
	}
	for name, got := range map[string]ordering.Order{"placed": placed, "read": read} {
		got.CreatedAt, got.UpdatedAt = time.Time{}, time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if again, replayed, err := s.rules.Place(t.Context(), ann, "k", ordering.Draft{Lines: []ordering.DraftLine{line(desk, 2), line(lamp, 3)}}); err != nil || !replayed || again.TotalMinor != 5*1999 {
		t.Errorf("again: %+v, replayed %t, %v", again, replayed, err)
	}
}

func TestLinesThatTheCatalogDoesNotHave(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	lamp := create(t, s.Store, aProduct("LAMP", "Lamp"))
	dear := aProduct("DEAR", "Dear")
	dear.Currency = "CHF"
	dear = create(t, s.Store, dear)
	unknown := catalog.Product{ID: uuid.New()}
	_, _, err := s.rules.Place(t.Context(), ann, "k", ordering.Draft{Lines: []ordering.DraftLine{line(unknown, 1), line(lamp, 1), line(dear, 1)}})
	var invalid catalog.Invalid
	errors.As(err, &invalid)
	want := catalog.Invalid{
		{Field: "lines[0].product_id", Detail: "must be a product that there is"},
		{Field: "lines[2].product_id", Detail: "must be priced in the currency of the others"},
	}
	if diff := cmp.Diff(want, invalid); diff != "" {
		t.Errorf("broken rules (-want +got):\n%s", diff)
	}
	s.place(t, "k", line(lamp, 1)) // the key is free
}

func TestAReservationIsWholeOrNone(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	many, few, gone := create(t, s.Store, aProduct("MANY", "Many")), create(t, s.Store, aProduct("FEW", "Few")), create(t, s.Store, aProduct("GONE", "Gone"))
	tooMuch := s.place(t, "a", line(many, 7), line(few, 8), line(gone, 1))
	allOfIt := s.place(t, "b", line(many, 7), line(few, 1))
	if err := s.Delete(t.Context(), gone.ID, catalog.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for _, order := range []ordering.Order{tooMuch, allOfIt} {
		for range 2 {
			if err := s.rules.Reserve(t.Context(), order.ID); err != nil {
				t.Fatalf("reserve: %v", err)
			}
		}
	}
	rejected, err := s.rules.Get(t.Context(), ann, tooMuch.ID)
	if err != nil || rejected.Status != ordering.Rejected || rejected.Reason != "FEW: 8 wanted, 7 at hand; GONE is no longer sold" {
		t.Errorf("the first is %s: %q, %v", rejected.Status, rejected.Reason, err)
	}
	reserved, err := s.rules.Get(t.Context(), ann, allOfIt.ID)
	if err != nil || reserved.Status != ordering.Reserved || reserved.Version != 2 || len(reserved.Lines) != 2 {
		t.Errorf("the second is %+v, %v", reserved, err)
	}
	s.expectStock(t, many, 0, 2)
	s.expectStock(t, few, 6, 2)
	if diff := cmp.Diff(map[catalog.ID]int64{many.ID: 2, few.ID: 2}, s.stale.versions); diff != "" {
		t.Errorf("the cache was told of (-want +got):\n%s", diff)
	}
	if got := s.jobs.kinds["confirm "+allOfIt.ID.String()]; got != 1 || s.jobs.kinds["confirm "+tooMuch.ID.String()] != 0 {
		t.Errorf("jobs: %v", s.jobs.kinds)
	}
}

func (s *shop) expectStock(t testing.TB, product catalog.Product, stock, version int64) {
	t.Helper()
	got, err := s.Get(t.Context(), product.ID)
	if err != nil || got.Stock != stock || got.Version != version {
		t.Errorf("%s has %d pieces at version %d, %v; want %d at %d", product.SKU, got.Stock, got.Version, err, stock, version)
	}
	if version > 1 && !got.UpdatedAt.After(product.UpdatedAt) {
		t.Errorf("%s was last updated at %s", product.SKU, got.UpdatedAt)
	}
}

func TestACancelGivesBackOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	lamp, gone := create(t, s.Store, aProduct("LAMP", "Lamp")), create(t, s.Store, aProduct("GONE", "Gone"))
	order := s.place(t, "k", line(lamp, 3), line(gone, 2))
	if err := s.rules.Reserve(t.Context(), order.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), gone.ID, catalog.AnyVersion); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := s.rules.Cancel(t.Context(), ann, order.ID); err != nil || got.Status != ordering.Cancelled {
				t.Errorf("cancel: %s, %v", got.Status, err)
			}
		})
	}
	all.Wait()
	s.expectStock(t, lamp, 7, 3)
	if _, err := s.rules.Cancel(t.Context(), ann, uuid.New()); !errors.Is(err, ordering.ErrNotFound) {
		t.Errorf("cancel what isn't there: %v", err)
	}
}

// TestAKeyUsedByManyAtOnceIsOneOrder has the same order sent again before the
// first is answered, and others with its key.
func TestAKeyUsedByManyAtOnceIsOneOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	lamp := create(t, s.Store, aProduct("LAMP", "Lamp"))
	for round := range 5 {
		key := fmt.Sprint(round)
		ids := make(chan ordering.ID, 32)
		var first, reused int
		var mutex sync.Mutex
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				quantity := int64(1 + i%2)
				order, replayed, err := s.rules.Place(t.Context(), ann, key, ordering.Draft{Lines: []ordering.DraftLine{line(lamp, quantity)}})
				mutex.Lock()
				defer mutex.Unlock()
				switch {
				case errors.Is(err, ordering.ErrKeyReused):
					reused++
				case err != nil:
					t.Errorf("place: %v", err)
				default:
					ids <- order.ID
					if !replayed {
						first++
					}
				}
			})
		}
		all.Wait()
		close(ids)
		distinct := map[ordering.ID]bool{}
		for id := range ids {
			distinct[id] = true
		}
		if first != 1 || reused != 12 || len(distinct) != 1 {
			t.Errorf("%d were first, %d found the key used, there are %d orders; want 1, 12 and 1", first, reused, len(distinct))
		}
	}
	if page, err := s.rules.List(t.Context(), root, ordering.Query{Limit: 100}); err != nil || len(page.Orders) != 5 || len(s.jobs.kinds) != 5 {
		t.Errorf("there are %d orders and %d jobs, %v; want 5 of both", len(page.Orders), len(s.jobs.kinds), err)
	}
}

func TestListsOfOrdersGoByThePage(t *testing.T) {
	t.Parallel()
	s := openShop(t, migratedURL(t))
	lamp := create(t, s.Store, aProduct("LAMP", "Lamp"))
	var anns, all []ordering.ID
	for i := range 12 {
		actor := ordering.Actor{Subject: []string{"ann", "bob", "ann"}[i%3]}
		order, _, err := s.rules.Place(t.Context(), actor, fmt.Sprint(i), ordering.Draft{Lines: []ordering.DraftLine{line(lamp, 1)}})
		if err != nil {
			t.Fatal(err)
		}
		all = slices.Insert(all, 0, order.ID)
		if actor == ann {
			anns = slices.Insert(anns, 0, order.ID)
		}
		if i%4 == 0 {
			if _, err := s.rules.Cancel(t.Context(), root, order.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		actor ordering.Actor
		query ordering.Query
		want  []ordering.ID
	}{
		"an admin sees all":   {root, ordering.Query{}, all},
		"one's own":           {ann, ordering.Query{}, anns},
		"those of ann":        {root, ordering.Query{Owner: "ann"}, anns},
		"in a state":          {root, ordering.Query{Status: ordering.Cancelled}, []ordering.ID{all[3], all[7], all[11]}},
		"one's own, in one":   {ann, ordering.Query{Status: ordering.Cancelled}, []ordering.ID{all[3], all[11]}},
		"nobody's":            {root, ordering.Query{Owner: "carol"}, nil},
		"none in that state":  {root, ordering.Query{Status: ordering.Confirmed}, nil},
		"somebody else's own": {ann, ordering.Query{Owner: "bob"}, nil},
	} {
		for _, limit := range []int{1, 5, 100} {
			var got []ordering.ID
			query := test.query
			query.Limit = limit
			for {
				page, err := s.rules.List(t.Context(), test.actor, query)
				if err != nil {
					t.Fatal(err)
				}
				for _, order := range page.Orders {
					got = append(got, order.ID)
					if len(order.Lines) != 1 {
						t.Errorf("%s: an order has %d lines", name, len(order.Lines))
					}
				}
				if query.After = page.Next; page.Next == nil {
					break
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, by %d (-want +got):\n%s", name, limit, diff)
			}
		}
	}
}

func TestOrdersWithoutADatabaseAreUnavailable(t *testing.T) {
	t.Parallel()
	s := openShop(t, "postgres:///nowhere?host=/nowhere")
	_, reading := s.rules.Get(t.Context(), ann, uuid.New())
	_, listing := s.rules.List(t.Context(), ann, ordering.Query{Limit: 1})
	_, _, placing := s.rules.Place(t.Context(), ann, "k", ordering.Draft{Lines: []ordering.DraftLine{{ProductID: uuid.New(), Quantity: 1}}})
	for action, err := range map[string]error{"get": reading, "list": listing, "place": placing, "reserve": s.rules.Reserve(t.Context(), uuid.New())} {
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s: %v", action, err)
		}
	}
}
