package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// Orders is what can be done with orders.
type Orders struct {
	store Store
	cache catalog.Invalidator
	full  func() bool
	now   func() time.Time
}

// Options of Orders. Store, Cache and Now are needed.
type Options struct {
	Store Store
	// Cache is told of products whose stock has changed.
	Cache catalog.Invalidator
	// Full tells that too many jobs wait already; nil is never.
	Full func() bool
	// Now is the clock that dates changes.
	Now func() time.Time
}

// New makes orders over a store.
func New(options Options) *Orders {
	if options.Full == nil {
		options.Full = func() bool { return false }
	}
	// To the microsecond, as stores keep it: an order reads as it was answered.
	now := func() time.Time { return options.Now().UTC().Truncate(time.Microsecond) }
	return &Orders{options.Store, options.Cache, options.Full, now}
}

// Place keeps an order, once for each key of its owner: again with the same key
// it gives the order that is there, and replayed. Errors: catalog.Invalid,
// ErrKeyReused, ErrBusy.
func (o *Orders) Place(ctx context.Context, actor Actor, key string, draft Draft) (order Order, replayed bool, err error) {
	if err := validate(key, draft); err != nil {
		return Order{}, false, err
	}
	if o.full() {
		return Order{}, false, ErrBusy
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Order{}, false, fmt.Errorf("make an order ID: %w", err)
	}
	now := o.now()
	placing := Placing{
		Order: Order{ID: id, Owner: actor.Subject, Status: Placed, Version: 1, CreatedAt: now, UpdatedAt: now},
		Key:   key, Fingerprint: draft.fingerprint(),
	}
	for _, line := range draft.Lines {
		placing.Lines = append(placing.Lines, Line{ProductID: line.ProductID, Quantity: line.Quantity})
	}
	return o.store.PlaceOrder(ctx, placing)
}

// Get gives an order of the actor's. Errors: ErrNotFound, also for others' orders.
func (o *Orders) Get(ctx context.Context, actor Actor, id ID) (Order, error) {
	found, err := o.store.Order(ctx, id)
	if err == nil && !actor.may(found.Owner) {
		return Order{}, ErrNotFound
	}
	return found, err
}

// List gives a page of orders, the newest first: the actor's own, and others' to
// an admin. Errors: catalog.Invalid.
func (o *Orders) List(ctx context.Context, actor Actor, query Query) (Page, error) {
	var broken catalog.Invalid
	if query.Limit < 1 || query.Limit > MaxPage {
		broken = append(broken, catalog.Violation{Field: "limit", Detail: fmt.Sprintf("must be from 1 to %d", MaxPage)})
	}
	if query.Status != "" && !query.Status.Known() {
		broken = append(broken, catalog.Violation{Field: "status", Detail: "must be one of the states of an order"})
	}
	if broken != nil {
		return Page{}, broken
	}
	if !actor.Admin {
		if query.Owner != "" && query.Owner != actor.Subject {
			return Page{}, nil // as if they had none
		}
		query.Owner = actor.Subject
	}
	// One more than asked for tells whether there is a next page.
	query.Limit++
	found, err := o.store.Orders(ctx, query)
	if err != nil {
		return Page{}, err
	}
	if len(found) < query.Limit {
		return Page{Orders: found}, nil
	}
	found = found[:query.Limit-1]
	return Page{Orders: found, Next: &Position{ID: found[len(found)-1].ID}}, nil
}

// Cancel gives back what an order has reserved. Cancelling it again is no error.
// Errors: ErrNotFound, *StateError.
func (o *Orders) Cancel(ctx context.Context, actor Actor, id ID) (Order, error) {
	return o.change(ctx, id, func(order Order) (Change, error) {
		switch {
		case !actor.may(order.Owner):
			return Change{}, ErrNotFound
		case order.Status == Cancelled:
			return Change{}, nil
		case !slices.Contains(order.Status.next(), Cancelled):
			return Change{}, &StateError{order.Status}
		case order.Status == Reserved:
			return Change{Status: Cancelled, Stock: Return}, nil
		}
		return Change{Status: Cancelled}, nil
	})
}

// Reserve takes the pieces of a placed order off the stock, or rejects it if
// there are too few. It is a worker's: an order in another state stays as it is.
// Errors: ErrNotFound.
func (o *Orders) Reserve(ctx context.Context, id ID) error {
	_, err := o.change(ctx, id, func(order Order) (Change, error) {
		if order.Status != Placed {
			return Change{}, nil
		}
		return Change{Status: Reserved, Stock: Take, Confirm: true}, nil
	})
	return err
}

// Confirm makes a reserved order final. It is a worker's: an order in another
// state stays as it is. Errors: ErrNotFound, errNotYet if it is still to be reserved.
func (o *Orders) Confirm(ctx context.Context, id ID) error {
	_, err := o.change(ctx, id, func(order Order) (Change, error) {
		switch order.Status {
		case Placed:
			return Change{}, errNotYet // came too early: it is tried again
		case Reserved:
			return Change{Status: Confirmed}, nil
		}
		return Change{}, nil
	})
	return err
}

var errNotYet = errors.New("the order is still to be reserved")

func (o *Orders) change(ctx context.Context, id ID, decide func(Order) (Change, error)) (Order, error) {
	order, stocked, err := o.store.ChangeOrder(ctx, id, decide)
	for _, product := range stocked { // also if its end isn't known
		o.cache.Invalidate(ctx, product.ID, product.Version)
	}
	if err != nil {
		return Order{}, err
	}
	return order, nil
}
