package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

var _ catalog.Store = (*Store)(nil)

// Create adds a product at version 1.
func (s *Store) Create(ctx context.Context, product catalog.Product) (catalog.Product, error) {
	row, err := s.queries.CreateProduct(ctx, query.CreateProductParams{
		ID:          product.ID,
		Sku:         product.SKU,
		Name:        product.Name,
		Description: product.Description,
		PriceMinor:  product.PriceMinor,
		Currency:    product.Currency,
		Stock:       product.Stock,
		Now:         product.CreatedAt,
	})
	return fromRow(row), translate("create a product", err)
}

// Get gives one product.
func (s *Store) Get(ctx context.Context, id catalog.ID) (catalog.Product, error) {
	row, err := s.queries.GetProduct(ctx, id)
	return fromRow(row), translate("read a product", err)
}

// Update replaces a product's draft and moves its version on.
func (s *Store) Update(ctx context.Context, product catalog.Product, expected int64) (catalog.Product, error) {
	row, err := s.queries.UpdateProduct(ctx, query.UpdateProductParams{
		ID:              product.ID,
		Sku:             product.SKU,
		Name:            product.Name,
		Description:     product.Description,
		PriceMinor:      product.PriceMinor,
		Currency:        product.Currency,
		Stock:           product.Stock,
		Now:             product.UpdatedAt,
		ExpectedVersion: expected,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return catalog.Product{}, s.whyUntouched(ctx, product.ID, expected)
	}
	return fromRow(row), translate("update a product", err)
}

// Delete removes a product.
func (s *Store) Delete(ctx context.Context, id catalog.ID, expected int64) error {
	removed, err := s.queries.DeleteProduct(ctx, query.DeleteProductParams{ID: id, ExpectedVersion: expected})
	if err != nil {
		return translate("delete a product", err)
	}
	if removed == 0 {
		return s.whyUntouched(ctx, id, expected)
	}
	return nil
}

// whyUntouched tells a product that isn't there from one at another version.
func (s *Store) whyUntouched(ctx context.Context, id catalog.ID, expected int64) error {
	actual, err := s.queries.ProductVersion(ctx, id)
	if err != nil {
		return translate("read a product's version", err)
	}
	return &catalog.VersionMismatch{Expected: expected, Actual: actual}
}

func fromRows(rows []query.Product) []catalog.Product {
	products := make([]catalog.Product, len(rows))
	for i, row := range rows {
		products[i] = fromRow(row)
	}
	return products
}

func fromRow(row query.Product) catalog.Product {
	return catalog.Product{
		ID: row.ID,
		Draft: catalog.Draft{
			SKU:         row.Sku,
			Name:        row.Name,
			Description: row.Description,
			PriceMinor:  row.PriceMinor,
			Currency:    row.Currency,
			Stock:       row.Stock,
		},
		Version:   row.Version,
		CreatedAt: row.CreatedAt.UTC(),
		UpdatedAt: row.UpdatedAt.UTC(),
	}
}
