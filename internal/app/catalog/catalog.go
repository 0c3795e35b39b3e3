package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Catalog is what can be done with products.
type Catalog struct {
	store Store
	cache Invalidator
	now   func() time.Time
}

// New makes a catalog over store. now is the clock that dates changes.
func New(store Store, cache Invalidator, now func() time.Time) *Catalog {
	return &Catalog{store: store, cache: cache, now: now}
}

// Create adds a product. Errors: Invalid, ErrSKUTaken.
func (c *Catalog) Create(ctx context.Context, draft Draft) (Product, error) {
	if err := draft.Validate(); err != nil {
		return Product{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Product{}, fmt.Errorf("make a product ID: %w", err)
	}
	now := c.now()
	return c.store.Create(ctx, Product{ID: id, Draft: draft, CreatedAt: now, UpdatedAt: now})
}

// Get gives one product. Errors: ErrNotFound.
func (c *Catalog) Get(ctx context.Context, id ID) (Product, error) {
	return c.store.Get(ctx, id)
}

// List gives one page of products. Errors: Invalid.
func (c *Catalog) List(ctx context.Context, query Query) (Page, error) {
	if err := query.validate(); err != nil {
		return Page{}, err
	}
	limit := query.Limit
	query.Limit++ // one more than asked for tells whether there is a next page
	products, err := c.store.List(ctx, query)
	if err != nil || len(products) <= limit {
		return Page{Products: products}, err
	}
	last := products[limit-1]
	return Page{
		Products: products[:limit],
		Next:     &Position{Name: last.Name, PriceMinor: last.PriceMinor, ID: last.ID},
	}, nil
}

// Search gives one page of products whose SKU begins with the text, or whose
// words begin with the text's words or have their stems; best match first. The
// pages end at MaxMatches. Errors: Invalid.
func (c *Catalog) Search(ctx context.Context, search Search) (Matches, error) {
	if err := search.validate(); err != nil {
		return Matches{}, err
	}
	limit := search.Limit
	search.Limit = min(limit+1, MaxMatches-search.Offset)
	products, err := c.store.Search(ctx, search)
	if err != nil || len(products) <= limit {
		return Matches{Products: products}, err
	}
	return Matches{Products: products[:limit], Next: search.Offset + limit}, nil
}

// Replace writes all of the draft. expected is the version the caller has
// seen, or AnyVersion. Errors: Invalid, ErrNotFound, ErrSKUTaken, *VersionMismatch.
func (c *Catalog) Replace(ctx context.Context, id ID, draft Draft, expected int64) (Product, error) {
	if err := draft.Validate(); err != nil {
		return Product{}, err
	}
	product, err := c.store.Update(ctx, Product{ID: id, Draft: draft, UpdatedAt: c.now()}, expected)
	c.invalidate(ctx, id, product.Version, err)
	return product, err
}

// Delete removes a product. expected is the version the caller has seen, or
// AnyVersion. Errors: ErrNotFound, *VersionMismatch.
func (c *Catalog) Delete(ctx context.Context, id ID, expected int64) error {
	err := c.store.Delete(ctx, id, expected)
	c.invalidate(ctx, id, Deleted, err)
	return err
}

// invalidate follows a write to the cache. A write whose answer was lost may
// have been done all the same.
func (c *Catalog) invalidate(ctx context.Context, id ID, version int64, err error) {
	switch {
	case err == nil:
		c.cache.Invalidate(ctx, id, version)
	case errors.Is(err, ErrUnavailable):
		c.cache.Invalidate(ctx, id, UnknownVersion)
	}
}
