package catalog

import "fmt"

// Limits of what is asked for at once.
const (
	DefaultPage = 20
	MaxPage     = 100
	// MaxMatches is how many matches of a search can be paged through.
	MaxMatches = 1000
)

// SortField is what a list of products goes by.
type SortField string

// The fields that lists go by. Names go by their ASCII letters in small, then
// byte by byte, whatever the database's locale.
const (
	SortCreated SortField = "created"
	SortName    SortField = "name"
	SortPrice   SortField = "price"
)

// Sort is the order of a list. Products that are level go by creation. The
// zero Sort is by creation, oldest first.
type Sort struct {
	Field      SortField
	Descending bool // the very reverse, products that are level included
}

// Filter leaves products out. The zero Filter lets all of them through.
type Filter struct {
	// Currency is an ISO 4217 code; empty is any.
	Currency string
	// MinPriceMinor and MaxPriceMinor bound the price, in minor units of
	// whatever currency it is in; both count as inside, nil is no bound.
	MinPriceMinor *int64
	MaxPriceMinor *int64
	// InStock lets only products through that are at hand.
	InStock bool
}

// Query asks for one page of products.
type Query struct {
	Filter
	Sort Sort
	// After is the last product of the page before; nil begins. It must come
	// from a page in the same order.
	After *Position
	// Limit is how many products a page has at most, from 1 to MaxPage.
	Limit int
}

// Position is a place in a list: that of a product, by the field that the list
// goes by, and by ID. It holds while products come and go.
type Position struct {
	Name       string
	PriceMinor int64
	ID         ID
}

// Page is a run of products.
type Page struct {
	Products []Product
	Next     *Position // nil on the last page
}

// Search asks for products by their words.
type Search struct {
	// Text is looked for as the beginning of a SKU, and its words in names and
	// descriptions. Nothing in it is an operator.
	Text string
	Filter
	// Offset is how many matches to skip, below MaxMatches.
	Offset int
	// Limit is how many matches a page has at most, from 1 to MaxPage.
	Limit int
}

// Matches is a run of products that a search has found, best first.
type Matches struct {
	Products []Product
	Next     int // the offset of the next page; 0 on the last one
}

func (q Query) validate() error {
	var broken Invalid
	broken.limit(q.Limit)
	switch q.Sort.Field {
	case "", SortCreated, SortName, SortPrice:
	default:
		broken.check(false, "sort", "must be %s, %s or %s", SortCreated, SortName, SortPrice)
	}
	broken.filter(q.Filter)
	broken.check(q.After == nil || q.After.valid(), "cursor", "must be the next_cursor of an answer")
	return broken.err()
}

func (s Search) validate() error {
	var broken Invalid
	broken.check(validLine(s.Text, MaxQuery), "q",
		"must be 1 to %d printable characters with no space around them", MaxQuery)
	broken.limit(s.Limit)
	broken.check(s.Offset >= 0 && s.Offset < MaxMatches, "offset", "must be from 0 to %d", MaxMatches-1)
	broken.filter(s.Filter)
	return broken.err()
}

// valid tells whether a product could be there. A cursor may be made up.
func (p Position) valid() bool {
	return validText(p.Name, MaxName) && p.PriceMinor >= 0 && p.PriceMinor <= MaxPriceMinor
}

func (v *Invalid) check(ok bool, field, detail string, args ...any) {
	if !ok {
		*v = append(*v, Violation{field, fmt.Sprintf(detail, args...)})
	}
}

func (v *Invalid) limit(limit int) {
	v.check(limit >= 1 && limit <= MaxPage, "limit", "must be from 1 to %d", MaxPage)
}

func (v *Invalid) filter(f Filter) {
	v.check(f.Currency == "" || validCurrency(f.Currency), "currency", "must be three capital letters, as in ISO 4217")
	within := func(price *int64) bool { return price == nil || *price >= 0 && *price <= MaxPriceMinor }
	v.check(within(f.MinPriceMinor), "min_price", "must be from 0 to %d", int64(MaxPriceMinor))
	v.check(within(f.MaxPriceMinor), "max_price", "must be from 0 to %d", int64(MaxPriceMinor))
	if f.MinPriceMinor != nil && f.MaxPriceMinor != nil {
		v.check(*f.MinPriceMinor <= *f.MaxPriceMinor, "max_price", "must not be below min_price")
	}
}

// err is v as an error: nil if nothing is broken.
func (v Invalid) err() error {
	if len(v) == 0 {
		return nil
	}
	return v
}
