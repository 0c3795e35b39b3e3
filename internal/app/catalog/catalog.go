package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Limits of one page.
const (
	DefaultPage = 20
	MaxPage     = 100
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

// Page is a run of products by ID.
type Page struct {
	Products []Product
	More     bool // there are others after the last one
}

// List gives up to limit products after the given ID; the zero ID begins.
func (c *Catalog) List(ctx context.Context, after ID, limit int) (Page, error) {
	if err := validateLimit(limit); err != nil {
		return Page{}, err
	}
	// One more than asked for tells whether there is a next page.
	products, err := c.store.List(ctx, after, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(products) > limit {
		return Page{Products: products[:limit], More: true}, nil
	}
	return Page{Products: products}, nil
}

// Search gives up to limit products whose SKU begins with query, or whose
// words do; best match first. Errors: Invalid.
func (c *Catalog) Search(ctx context.Context, query string, limit int) ([]Product, error) {
	if err := validateQuery(query); err != nil {
		return nil, err
	}
	if err := validateLimit(limit); err != nil {
		return nil, err
	}
	return c.store.Search(ctx, query, limit)
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

func validateLimit(limit int) error {
	if limit >= 1 && limit <= MaxPage {
		return nil
	}
	return Invalid{{"limit", fmt.Sprintf("must be from 1 to %d", MaxPage)}}
}
