package orders

import (
	"context"
	"errors"
	"fmt"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// Errors of orders, besides catalog.Invalid and catalog.ErrUnavailable.
var (
	ErrNotFound  = errors.New("no such order")
	ErrKeyReused = errors.New("the idempotency key was used for another order")
	ErrBusy      = errors.New("too many orders wait to be worked on") // try again later
)

// StateError says that an order is in a state that doesn't allow what was asked.
type StateError struct{ Status Status }

func (e *StateError) Error() string {
	return fmt.Sprintf("the order is %s, and can't be cancelled any more", e.Status)
}

// Placing is an order that is about to be kept.
type Placing struct {
	Order
	// Key and Fingerprint keep it from being placed twice.
	Key         string
	Fingerprint []byte
}

// Store keeps orders, and the stock that they take. Its changes are done as a
// whole or not at all. Errors are those above, or wrap them.
type Store interface {
	// PlaceOrder keeps the order with a job to reserve it, with SKU, name, price
	// and currency of the products that there are. If the owner has used the key
	// before it gives that order, and changes nothing. Errors: ErrKeyReused; a
	// catalog.Invalid that names the lines whose product isn't there, or is priced
	// in another currency.
	PlaceOrder(ctx context.Context, placing Placing) (order Order, replayed bool, err error)
	Order(ctx context.Context, id ID) (Order, error)
	Orders(ctx context.Context, query Query) ([]Order, error)
	// ChangeOrder locks the order and asks decide what to do with it. It then
	// does that, and gives the order as it is after it and the products whose
	// stock has changed, by their new version; the products also with an error
	// that leaves open whether it was done.
	ChangeOrder(ctx context.Context, id ID, decide func(Order) (Change, error)) (Order, []Stocked, error)
}

// Change is what is to become of an order.
type Change struct {
	// Status is the state after it; empty changes nothing.
	Status Status
	Reason string
	// Stock says what becomes of the pieces of its lines.
	Stock Movement
	// Confirm asks for a job to confirm it.
	Confirm bool
}

// Movement is what becomes of the pieces of an order.
type Movement int

// The movements.
const (
	Leave  Movement = iota // the stock stays as it is
	Take                   // off the stock: if there are too few of one, none is taken, and the order rejected
	Return                 // back to the stock, of products that are still there
)

// Stocked is a product whose stock has changed.
type Stocked struct {
	ID      catalog.ID
	Version int64
}
