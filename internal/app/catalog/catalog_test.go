package catalog

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shelf is a Store that keeps what it is asked, and answers as it is told.
type shelf struct {
	products []Product
	err      error
	listed   Query
	searched Search
	written  Product
	expected int64
}

func (s *shelf) Create(_ context.Context, product Product) (Product, error) {
	s.written = product
	product.Version = 1
	return product, s.err
}

func (s *shelf) Get(_ context.Context, id ID) (Product, error) { return Product{ID: id}, s.err }

func (s *shelf) List(_ context.Context, query Query) ([]Product, error) {
	s.listed = query
	return s.first(query.Limit), s.err
}

func (s *shelf) Search(_ context.Context, search Search) ([]Product, error) {
	s.searched = search
	return s.first(search.Limit), s.err
}

func (s *shelf) first(limit int) []Product {
	if s.err != nil {
		return nil
	}
	return s.products[:min(limit, len(s.products))]
}

func (s *shelf) Update(_ context.Context, product Product, expected int64) (Product, error) {
	s.written, s.expected = product, expected
	product.Version = 7
	return product, s.err
}

func (s *shelf) Delete(_ context.Context, _ ID, expected int64) error {
	s.expected = expected
	return s.err
}

// told is an Invalidator that keeps the versions it is told of.
type told struct{ versions []int64 }

func (c *told) Invalidate(_ context.Context, _ ID, version int64) {
	c.versions = append(c.versions, version)
}

func now() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }

func products(count int) []Product {
	all := make([]Product, count)
	for i := range all {
		all[i] = Product{ID: ID{15: byte(i + 1)}, Draft: Draft{Name: string(rune('a' + i)), PriceMinor: int64(i)}}
	}
	return all
}

func TestListGivesPages(t *testing.T) {
	tests := map[string]struct {
		there, limit, want int
		next               *Position
	}{
		"none":                     {0, 2, 0, nil},
		"fewer than a page":        {1, 2, 1, nil},
		"just a page":              {2, 2, 2, nil},
		"more":                     {3, 2, 2, &Position{Name: "b", PriceMinor: 1, ID: ID{15: 2}}},
		"the least page, and more": {2, 1, 1, &Position{Name: "a", ID: ID{15: 1}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{products: products(test.there)}
			asked := Query{Filter: Filter{Currency: "EUR"}, Sort: Sort{SortName, true}, After: &Position{Name: "z"}, Limit: test.limit}
			page, err := New(s, &told{}, now).List(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Page{products(test.there)[:test.want], test.next}, page); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
			asked.Limit++ // one more tells that there are others
			if diff := cmp.Diff(asked, s.listed); diff != "" {
				t.Errorf("the store is asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchGivesPages(t *testing.T) {
	tests := map[string]struct {
		there, offset, limit int // there counts from the offset on
		asked, want, next    int
	}{
		"none":                {0, 0, 2, 3, 0, 0},
		"just a page":         {2, 0, 2, 3, 2, 0},
		"more":                {3, 0, 2, 3, 2, 2},
		"more, further on":    {3, 40, 2, 3, 2, 42},
		"the last page":       {50, MaxMatches - 20, 20, 20, 20, 0},
		"a page over the end": {50, MaxMatches - 10, 20, 10, 10, 0},
		"the last match":      {50, MaxMatches - 1, 1, 1, 1, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{products: products(test.there)}
			asked := Search{Text: "lamp", Filter: Filter{InStock: true}, Offset: test.offset, Limit: test.limit}
			matches, err := New(s, &told{}, now).Search(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Matches{products(test.there)[:test.want], test.next}, matches); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
			asked.Limit = test.asked
			if diff := cmp.Diff(asked, s.searched); diff != "" {
				t.Errorf("the store is asked (-want +got):\n%s", diff)
			}
		})
	}
}

// brokenFields are the fields of an Invalid, or nil.
func brokenFields(t *testing.T, err error) (fields []string) {
	t.Helper()
	var invalid Invalid
	if err != nil && !errors.As(err, &invalid) {
		t.Fatalf("%v, want Invalid", err)
	}
	for _, violation := range invalid {
		fields = append(fields, violation.Field)
		if violation.Detail == "" {
			t.Errorf("%s is broken for no reason", violation.Field)
		}
	}
	return fields
}

func TestQueriesAreRefusedFieldByField(t *testing.T) {
	price := func(minor int64) *int64 { return &minor }
	tests := map[string]struct {
		change func(*Query)
		fields []string
	}{
		"good":              {func(*Query) {}, nil},
		"most":              {func(q *Query) { q.Limit = MaxPage }, nil},
		"no limit":          {func(q *Query) { q.Limit = 0 }, []string{"limit"}},
		"beyond":            {func(q *Query) { q.Limit = MaxPage + 1 }, []string{"limit"}},
		"by creation":       {func(q *Query) { q.Sort.Field = SortCreated }, nil},
		"by name":           {func(q *Query) { q.Sort = Sort{SortName, true} }, nil},
		"by price":          {func(q *Query) { q.Sort.Field = SortPrice }, nil},
		"by stock":          {func(q *Query) { q.Sort.Field = "stock" }, []string{"sort"}},
		"by SQL":            {func(q *Query) { q.Sort.Field = "name; DROP TABLE products" }, []string{"sort"}},
		"currency":          {func(q *Query) { q.Currency = "EUR" }, nil},
		"small currency":    {func(q *Query) { q.Currency = "eur" }, []string{"currency"}},
		"currency with NUL": {func(q *Query) { q.Currency = "EU\x00" }, []string{"currency"}},
		"one price":         {func(q *Query) { q.MinPriceMinor, q.MaxPriceMinor = price(5), price(5) }, nil},
		"any price":         {func(q *Query) { q.MinPriceMinor, q.MaxPriceMinor = price(0), price(MaxPriceMinor) }, nil},
		"upside down":       {func(q *Query) { q.MinPriceMinor, q.MaxPriceMinor = price(6), price(5) }, []string{"max_price"}},
		"negative least":    {func(q *Query) { q.MinPriceMinor = price(-1) }, []string{"min_price"}},
		"negative most":     {func(q *Query) { q.MaxPriceMinor = price(-1) }, []string{"max_price"}},
		"least beyond":      {func(q *Query) { q.MinPriceMinor = price(MaxPriceMinor + 1) }, []string{"min_price"}},
		"most beyond":       {func(q *Query) { q.MaxPriceMinor = price(MaxPriceMinor + 1) }, []string{"max_price"}},
		"position":          {func(q *Query) { q.After = &Position{Name: "Lamp", PriceMinor: MaxPriceMinor} }, nil},
		"position with NUL": {func(q *Query) { q.After = &Position{Name: "La\x00mp"} }, []string{"cursor"}},
		"no UTF-8":          {func(q *Query) { q.After = &Position{Name: "\xff"} }, []string{"cursor"}},
		"negative position": {func(q *Query) { q.After = &Position{PriceMinor: -1} }, []string{"cursor"}},
		"position beyond":   {func(q *Query) { q.After = &Position{PriceMinor: MaxPriceMinor + 1} }, []string{"cursor"}},
		"everything": {func(q *Query) {
			*q = Query{Filter{"x", price(-1), price(-2), true}, Sort{"x", true}, &Position{Name: "\x00"}, -1}
		}, []string{"limit", "sort", "currency", "min_price", "max_price", "max_price", "cursor"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			query := Query{Limit: 20}
			test.change(&query)
			_, err := New(s, &told{}, now).List(t.Context(), query)
			if diff := cmp.Diff(test.fields, brokenFields(t, err)); diff != "" {
				t.Errorf("broken (-want +got):\n%s", diff)
			}
			if err != nil && s.listed.Limit != 0 {
				t.Error("the store was asked all the same")
			}
		})
	}
}

func TestSearchesAreRefusedFieldByField(t *testing.T) {
	price := func(minor int64) *int64 { return &minor }
	tests := map[string]struct {
		change func(*Search)
		fields []string
	}{
		"good":            {func(*Search) {}, nil},
		"operators":       {func(s *Search) { s.Text = `'a' & !b:* | "c" -d \ % _` }, nil},
		"emoji":           {func(s *Search) { s.Text = "😀" }, nil},
		"nothing":         {func(s *Search) { s.Text = "" }, []string{"q"}},
		"space alone":     {func(s *Search) { s.Text = " " }, []string{"q"}},
		"space around":    {func(s *Search) { s.Text = "lamp " }, []string{"q"}},
		"NUL":             {func(s *Search) { s.Text = "la\x00mp" }, []string{"q"}},
		"newline":         {func(s *Search) { s.Text = "la\nmp" }, []string{"q"}},
		"no UTF-8":        {func(s *Search) { s.Text = "\xff" }, []string{"q"}},
		"too long":        {func(s *Search) { s.Text = string(slices.Repeat([]rune{'é'}, MaxQuery+1)) }, []string{"q"}},
		"no limit":        {func(s *Search) { s.Limit = 0 }, []string{"limit"}},
		"limit beyond":    {func(s *Search) { s.Limit = MaxPage + 1 }, []string{"limit"}},
		"last offset":     {func(s *Search) { s.Offset = MaxMatches - 1 }, nil},
		"offset beyond":   {func(s *Search) { s.Offset = MaxMatches }, []string{"offset"}},
		"negative offset": {func(s *Search) { s.Offset = -1 }, []string{"offset"}},
		"currency":        {func(s *Search) { s.Currency = "EURO" }, []string{"currency"}},
		"prices":          {func(s *Search) { s.MinPriceMinor, s.MaxPriceMinor = price(2), price(1) }, []string{"max_price"}},
		"everything":      {func(s *Search) { *s = Search{"", Filter{Currency: "x"}, -1, -1} }, []string{"q", "limit", "offset", "currency"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			search := Search{Text: "lamp", Limit: 20}
			test.change(&search)
			_, err := New(s, &told{}, now).Search(t.Context(), search)
			if diff := cmp.Diff(test.fields, brokenFields(t, err)); diff != "" {
				t.Errorf("broken (-want +got):\n%s", diff)
			}
			if err != nil && s.searched.Limit != 0 {
				t.Error("the store was asked all the same")
			}
		})
	}
}

func TestWritesAreDatedAndInvalidate(t *testing.T) {
	s, cache := &shelf{}, &told{}
	c := New(s, cache, now)
	draft := Draft{SKU: "A", Name: "Lamp", Currency: "EUR"}
	created, err := c.Create(t.Context(), draft)
	if err != nil || created.Version != 1 || created.ID.Version() != 7 {
		t.Errorf("created %+v, %v, want version 1 with a UUIDv7", created, err)
	}
	if want := (Product{ID: created.ID, Draft: draft, CreatedAt: now(), UpdatedAt: now()}); s.written != want {
		t.Errorf("written is %+v, want %+v", s.written, want)
	}
	if another, err := c.Create(t.Context(), draft); err != nil || another.ID.String() <= created.ID.String() {
		t.Errorf("another has ID %s after %s, %v", another.ID, created.ID, err)
	}
	id := created.ID
	if replaced, err := c.Replace(t.Context(), id, draft, 6); err != nil || replaced.Version != 7 || s.expected != 6 {
		t.Errorf("replaced %+v, %v; version %d was expected, want 6", replaced, err, s.expected)
	}
	if want := (Product{ID: id, Draft: draft, UpdatedAt: now()}); s.written != want {
		t.Errorf("written is %+v, want %+v", s.written, want)
	}
	if err := c.Delete(t.Context(), id, 5); err != nil || s.expected != 5 {
		t.Errorf("delete: %v; version %d was expected, want 5", err, s.expected)
	}
	if got, err := c.Get(t.Context(), id); err != nil || got.ID != id {
		t.Errorf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff([]int64{7, Deleted}, cache.versions); diff != "" {
		t.Errorf("the cache was told of versions (-want +got):\n%s", diff)
	}
}

// A write whose answer was lost may have been done; one that was refused wasn't.
func TestWritesThatFail(t *testing.T) {
	mismatch := &VersionMismatch{Expected: 1, Actual: 2}
	for err, versions := range map[error][]int64{
		ErrUnavailable: {UnknownVersion, UnknownVersion}, ErrNotFound: nil, ErrSKUTaken: nil, mismatch: nil, context.Canceled: nil,
	} {
		s, cache := &shelf{err: err}, &told{}
		c := New(s, cache, now)
		draft := Draft{SKU: "A", Name: "Lamp", Currency: "EUR"}
		_, created := c.Create(t.Context(), draft)
		_, read := c.Get(t.Context(), ID{})
		_, listed := c.List(t.Context(), Query{Limit: 1})
		_, searched := c.Search(t.Context(), Search{Text: "lamp", Limit: 1})
		_, replaced := c.Replace(t.Context(), ID{}, draft, AnyVersion)
		for what, got := range map[string]error{
			"create": created, "read": read, "list": listed, "search": searched,
			"replace": replaced, "delete": c.Delete(t.Context(), ID{}, AnyVersion),
		} {
			if !errors.Is(got, err) {
				t.Errorf("%s: %v, want %v", what, got, err)
			}
		}
		if diff := cmp.Diff(versions, cache.versions); diff != "" {
			t.Errorf("after %v the cache was told of versions (-want +got):\n%s", err, diff)
		}
	}
	if want := "the product is at version 2, not 1"; mismatch.Error() != want {
		t.Errorf("a mismatch says %q, want %q", mismatch, want)
	}
}

func TestInvalidDraftsReachNobody(t *testing.T) {
	s, cache := &shelf{}, &told{}
	c := New(s, cache, now)
	_, created := c.Create(t.Context(), Draft{})
	_, replaced := c.Replace(t.Context(), ID{}, Draft{}, AnyVersion)
	for what, err := range map[string]error{"create": created, "replace": replaced} {
		if diff := cmp.Diff([]string{"sku", "name", "currency"}, brokenFields(t, err)); diff != "" {
			t.Errorf("%s: broken (-want +got):\n%s", what, diff)
		}
	}
	if s.written != (Product{}) || cache.versions != nil {
		t.Errorf("written %+v, invalidated %v", s.written, cache.versions)
	}
	want := "sku must be 1; name must be 2"
	if got := (Invalid{{"sku", "must be 1"}, {"name", "must be 2"}}).Error(); got != want {
		t.Errorf("Invalid says %q, want %q", got, want)
	}
}
