package store

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// Search finds products by words, by the beginnings of words and by the
// beginning of the SKU; queries/products.sql says how they are ranked. The text
// is data all the way: the database's parser takes words out of it.
func (s *Store) Search(ctx context.Context, search catalog.Search) ([]catalog.Product, error) {
	if !utf8.ValidString(search.Text) || strings.ContainsRune(search.Text, 0) {
		return nil, nil // Postgres can't hold such text, so no product has it
	}
	f := bounds(search.Filter)
	fromCurrency, toCurrency := f.currency, f.currency
	if f.currency == "" {
		toCurrency = "ZZZ"
	}
	rows, err := s.queries.SearchProducts(ctx, query.SearchProductsParams{
		Wanted:      search.Text,
		MinCurrency: fromCurrency, MaxCurrency: toCurrency,
		MinPrice: f.minPrice, MaxPrice: f.maxPrice, MinStock: f.minStock,
		Skipped:  int64(search.Offset),
		MaxItems: int64(search.Limit),
		Needed:   int64(search.Offset + search.Limit),
	})
	if err != nil {
		return nil, translate("search products", err)
	}
	return fromRows(rows), nil
}
