package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
)

// everyOrder is all that a list can go by.
func everyOrder() []catalog.Sort {
	return []catalog.Sort{
		{}, {Descending: true},
		{Field: catalog.SortCreated}, {Field: catalog.SortCreated, Descending: true},
		{Field: catalog.SortName}, {Field: catalog.SortName, Descending: true},
		{Field: catalog.SortPrice}, {Field: catalog.SortPrice, Descending: true},
	}
}

// orders are the products of TestList, by what they go by, first to last.
func orders() map[catalog.SortField][]string {
	return map[catalog.SortField][]string{
		"":                  {"apple", "Zebra", "apple-2", "Éclair", "free", "dear"},
		catalog.SortCreated: {"apple", "Zebra", "apple-2", "Éclair", "free", "dear"},
		catalog.SortName:    {"apple", "apple-2", "dear", "free", "Zebra", "Éclair"}, // level ones by creation
		catalog.SortPrice:   {"free", "apple", "Zebra", "apple-2", "Éclair", "dear"},
	}
}

func listed(t *testing.T) *store.Store {
	t.Helper()
	s := migrated(t)
	for i, p := range []struct {
		mark, name, currency string
		price, stock         int64
	}{
		{"apple", "apple", "EUR", 10, 1},
		{"Zebra", "Zebra", "EUR", 10, 0},
		{"apple-2", "APPLE", "USD", 10, 5},
		{"Éclair", "Éclair", "EUR", 20, 5},
		{"free", "free", "USD", 0, 0},
		{"dear", "dear", "JPY", catalog.MaxPriceMinor, catalog.MaxStock},
	} {
		product := aProduct(fmt.Sprintf("L-%d", i), p.name)
		product.Description, product.Currency, product.PriceMinor, product.Stock = p.mark, p.currency, p.price, p.stock
		create(t, s, product)
	}
	return s
}

// pages reads a list to its end and gives the marks of its products.
func pages(t *testing.T, s *store.Store, asked catalog.Query) (marks []string) {
	t.Helper()
	for {
		products, err := s.List(t.Context(), asked)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if len(products) > asked.Limit {
			t.Fatalf("a page of %d has %d products", asked.Limit, len(products))
		}
		for _, product := range products {
			marks = append(marks, product.Description)
		}
		if len(products) < asked.Limit {
			return marks
		}
		last := products[len(products)-1]
		asked.After = &catalog.Position{Name: last.Name, PriceMinor: last.PriceMinor, ID: last.ID}
	}
}

func TestListInEveryOrderAndPageSize(t *testing.T) {
	s := listed(t)
	for _, order := range everyOrder() {
		want := slices.Clone(orders()[order.Field])
		if order.Descending {
			slices.Reverse(want)
		}
		for _, limit := range []int{1, 2, 3, 6, 7} {
			got := pages(t, s, catalog.Query{Sort: order, Limit: limit})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v, pages of %d (-want +got):\n%s", order, limit, diff)
			}
		}
	}
}

func TestFiltersInEveryOrder(t *testing.T) {
	s := listed(t)
	price := func(minor int64) *int64 { return &minor }
	tests := map[string]struct {
		filter catalog.Filter
		want   []string // by creation
	}{
		"currency":        {catalog.Filter{Currency: "USD"}, []string{"apple-2", "free"}},
		"no such":         {catalog.Filter{Currency: "CHF"}, nil},
		"in stock":        {catalog.Filter{InStock: true}, []string{"apple", "apple-2", "Éclair", "dear"}},
		"from":            {catalog.Filter{MinPriceMinor: price(11)}, []string{"Éclair", "dear"}},
		"to":              {catalog.Filter{MaxPriceMinor: price(10)}, []string{"apple", "Zebra", "apple-2", "free"}},
		"exactly":         {catalog.Filter{MinPriceMinor: price(20), MaxPriceMinor: price(20)}, []string{"Éclair"}},
		"free":            {catalog.Filter{MaxPriceMinor: price(0)}, []string{"free"}},
		"all of them":     {catalog.Filter{Currency: "EUR", MinPriceMinor: price(5), MaxPriceMinor: price(15), InStock: true}, []string{"apple"}},
		"widest, one too": {catalog.Filter{Currency: "JPY", MinPriceMinor: price(0), MaxPriceMinor: price(catalog.MaxPriceMinor), InStock: true}, []string{"dear"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, order := range everyOrder() {
				var want []string
				for _, mark := range orders()[order.Field] {
					if slices.Contains(test.want, mark) {
						want = append(want, mark)
					}
				}
				if order.Descending {
					slices.Reverse(want)
				}
				got := pages(t, s, catalog.Query{Filter: test.filter, Sort: order, Limit: 1})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", order, diff)
				}
			}
		})
	}
}

// What was on no page and is still there must come; nothing comes twice.
func TestPagesHoldWhileProductsComeAndGo(t *testing.T) {
	for _, order := range everyOrder() {
		s := listed(t)
		asked := catalog.Query{Sort: order, Limit: 3}
		first, err := s.List(t.Context(), asked)
		if err != nil || len(first) != 3 {
			t.Fatalf("first page: %d products, %v", len(first), err)
		}
		last := first[2]
		asked.After = &catalog.Position{Name: last.Name, PriceMinor: last.PriceMinor, ID: last.ID}
		before, err := s.List(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		// The product that the position is of goes, and so does one before it.
		for _, gone := range []catalog.ID{first[2].ID, first[0].ID} {
			if err := s.Delete(t.Context(), gone, catalog.AnyVersion); err != nil {
				t.Fatal(err)
			}
		}
		after, err := s.List(t.Context(), asked)
		if diff := cmp.Diff(before, after); err != nil || diff != "" {
			t.Errorf("%+v: %v, the next page changed (-before +after):\n%s", order, err, diff)
		}
	}
}

func TestAnOrderThatIsNotThere(t *testing.T) {
	if products, err := listed(t).List(t.Context(), catalog.Query{Sort: catalog.Sort{Field: "stock"}, Limit: 1}); err == nil {
		t.Errorf("listed %v by an order that isn't there", products)
	}
}
