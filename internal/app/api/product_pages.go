package api

import (
	"context"
	"strings"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// productPage is a run of products.
type productPage struct {
	Items      []product `json:"items" nullable:"false"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Asks for the next page; absent on the last one"`
}

type productPageBody struct{ Body productPage }

// Filter narrows a list or a search.
type Filter struct {
	Currency string   `query:"currency" pattern:"^[A-Z]{3}$" doc:"Only products priced in it"`
	MinPrice optional `query:"min_price" doc:"Only products at this price or above, in the minor unit"`
	MaxPrice optional `query:"max_price" doc:"Only products at this price or below, in the minor unit"`
	InStock  bool     `query:"in_stock" doc:"Only products with at least one piece at hand"`
}

func (f Filter) domain() catalog.Filter {
	return catalog.Filter{Currency: f.Currency, MinPriceMinor: f.MinPrice.pointer(), MaxPriceMinor: f.MaxPrice.pointer(), InStock: f.InStock}
}

// Paging asks for one page. These types are exported for huma, which looks at
// embedded ones only if they are.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many, at most"`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next_cursor of the page before"`
}

type listProductsInput struct {
	Filter
	Paging
	Sort string `query:"sort" enum:"created,-created,name,-name,price,-price" default:"created" doc:"The order; a dash turns it round"`
}

func (s *server) listProducts(ctx context.Context, input *listProductsInput) (*productPageBody, error) {
	sort := sortOf(input.Sort)
	after, err := decodePosition(input.Cursor, sort)
	if err != nil {
		return nil, err
	}
	page, err := s.Catalog.List(ctx, catalog.Query{Filter: input.domain(), Sort: sort, After: after, Limit: input.Limit})
	if err != nil {
		return nil, err
	}
	output := &productPageBody{productPage{Items: presentAll(page.Products)}}
	if page.Next != nil {
		output.Body.NextCursor = encodePosition(*page.Next, sort)
	}
	return output, nil
}

type searchProductsInput struct {
	Filter
	Paging
	Query string `query:"q" required:"true" minLength:"1" maxLength:"200" doc:"What to look for" example:"lantern"`
}

func (s *server) searchProducts(ctx context.Context, input *searchProductsInput) (*productPageBody, error) {
	offset, err := decodeOffset(input.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := s.Catalog.Search(ctx, catalog.Search{
		Text: input.Query, Filter: input.domain(), Offset: offset, Limit: input.Limit,
	})
	if err != nil {
		return nil, err
	}
	output := &productPageBody{productPage{Items: presentAll(found.Products)}}
	if found.Next > 0 {
		output.Body.NextCursor = encodeOffset(found.Next)
	}
	return output, nil
}

func sortOf(text string) catalog.Sort {
	if field, descending := strings.CutPrefix(text, "-"); descending {
		return catalog.Sort{Field: catalog.SortField(field), Descending: true}
	}
	return catalog.Sort{Field: catalog.SortField(text)}
}
