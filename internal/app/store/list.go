package store

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// List gives up to asked.Limit products in the order that is asked for.
func (s *Store) List(ctx context.Context, asked catalog.Query) ([]catalog.Product, error) {
	rows, err := s.list(ctx, asked)
	if err != nil {
		return nil, translate("list products", err)
	}
	return fromRows(rows), nil
}

// list picks the statement of an order. Those of one kind take the same
// parameters, so that one set converts to the other.
func (s *Store) list(ctx context.Context, asked catalog.Query) ([]query.Product, error) {
	after, f, most := start(asked), bounds(asked.Filter), int64(asked.Limit)
	queries := s.queries
	if asked.Filter != (catalog.Filter{}) {
		queries = s.planned // by the filter's index, if it lets few through
	}
	switch asked.Sort.Field {
	case "", catalog.SortCreated:
		parameters := query.ListProductsByCreatedParams{
			AfterID: after.ID, MaxItems: most,
			Currency: f.currency, MinPrice: f.minPrice, MaxPrice: f.maxPrice, MinStock: f.minStock,
		}
		if asked.Sort.Descending {
			return queries.ListProductsByCreatedDescending(ctx, query.ListProductsByCreatedDescendingParams(parameters))
		}
		return queries.ListProductsByCreated(ctx, parameters)
	case catalog.SortName:
		parameters := query.ListProductsByNameParams{
			AfterName: after.Name, AfterID: after.ID, MaxItems: most,
			Currency: f.currency, MinPrice: f.minPrice, MaxPrice: f.maxPrice, MinStock: f.minStock,
		}
		if asked.Sort.Descending {
			return queries.ListProductsByNameDescending(ctx, query.ListProductsByNameDescendingParams(parameters))
		}
		return queries.ListProductsByName(ctx, parameters)
	case catalog.SortPrice:
		parameters := query.ListProductsByPriceParams{
			AfterPrice: after.PriceMinor, AfterID: after.ID, MaxItems: most,
			Currency: f.currency, MinPrice: f.minPrice, MaxPrice: f.maxPrice, MinStock: f.minStock,
		}
		if asked.Sort.Descending {
			return queries.ListProductsByPriceDescending(ctx, query.ListProductsByPriceDescendingParams(parameters))
		}
		return queries.ListProductsByPrice(ctx, parameters)
	}
	return nil, fmt.Errorf("there is no order by %q", asked.Sort.Field)
}

// start is the position that a page begins after: of the first page, one that
// every product comes after. Names are printable, so none reaches U+10FFFF.
func start(asked catalog.Query) catalog.Position {
	switch {
	case asked.After != nil:
		return *asked.After
	case asked.Sort.Descending:
		return catalog.Position{Name: "\U0010FFFF", PriceMinor: math.MaxInt64, ID: uuid.Max}
	}
	return catalog.Position{PriceMinor: -1}
}

// filter is a catalog.Filter as the statements take it.
type filter struct {
	currency                     string // "" is any
	minPrice, maxPrice, minStock int64
}

func bounds(f catalog.Filter) filter {
	bounds := filter{currency: f.Currency, maxPrice: math.MaxInt64}
	if f.MinPriceMinor != nil {
		bounds.minPrice = *f.MinPriceMinor
	}
	if f.MaxPriceMinor != nil {
		bounds.maxPrice = *f.MaxPriceMinor
	}
	if f.InStock {
		bounds.minStock = 1
	}
	return bounds
}
