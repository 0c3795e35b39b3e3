package catalog

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// What a Store may answer with. Everything else is unexpected.
var (
	ErrNotFound    = errors.New("no such product")
	ErrSKUTaken    = errors.New("another product has this SKU")
	ErrUnavailable = errors.New("the product store can't be reached") // try again later
)

// VersionMismatch says that the product has changed since the caller read it.
type VersionMismatch struct{ Expected, Actual int64 }

func (e *VersionMismatch) Error() string {
	return fmt.Sprintf("the product is at version %d, not %d", e.Actual, e.Expected)
}

// AnyVersion as an expected version accepts whatever is there.
const AnyVersion int64 = 0

// Deleted is the version that outlives all others: what a cache is told of a
// product that is gone.
const Deleted int64 = math.MaxInt64

// UnknownVersion is what a cache is told when a write may have been done.
const UnknownVersion int64 = 0

// Store keeps products. Errors are those above, or wrap them.
type Store interface {
	Create(ctx context.Context, product Product) (Product, error)
	Get(ctx context.Context, id ID) (Product, error)
	// List gives up to query.Limit products, in the query's order.
	List(ctx context.Context, query Query) ([]Product, error)
	// Search gives up to search.Limit products, best match first.
	Search(ctx context.Context, search Search) ([]Product, error)
	// Update takes the draft, UpdatedAt and ID of product; expected may be AnyVersion.
	Update(ctx context.Context, product Product, expected int64) (Product, error)
	Delete(ctx context.Context, id ID, expected int64) error
}

// Invalidator is told, after the write, that versions before the given one are
// stale. It never fails the write: a cache that can't be reached must make
// good on its own.
type Invalidator interface {
	Invalidate(ctx context.Context, id ID, version int64)
}
