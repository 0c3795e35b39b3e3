// Package orders holds the rules of orders. It knows neither HTTP nor SQL: what
// it needs of the outside it names as ports.
package orders

import (
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// ID names an order for good. IDs are UUIDv7, so that they sort by placing.
type ID = uuid.UUID

// Status is where an order is in its life: placed, then reserved and confirmed,
// or rejected for want of stock. Until it is confirmed it may be cancelled.
type Status string

// The states.
const (
	Placed    Status = "placed"
	Reserved  Status = "reserved" // its pieces are off the stock
	Confirmed Status = "confirmed"
	Rejected  Status = "rejected"
	Cancelled Status = "cancelled"
)

// Known tells whether there is such a state.
func (s Status) Known() bool {
	switch s {
	case Placed, Reserved, Confirmed, Rejected, Cancelled:
		return true
	}
	return false
}

// next are the states that may follow.
func (s Status) next() []Status {
	switch s {
	case Placed:
		return []Status{Reserved, Rejected, Cancelled}
	case Reserved:
		return []Status{Confirmed, Cancelled}
	}
	return nil
}

// Order is what somebody wants of the catalog. What it says of products is as it
// was when it was placed, whatever becomes of them.
type Order struct {
	ID ID
	// Owner is the subject of who placed it.
	Owner  string
	Status Status
	// Reason says why it was rejected.
	Reason     string
	Lines      []Line
	TotalMinor int64  // in the currency's minor unit
	Currency   string // ISO 4217
	// Version starts at 1 and grows by one with every change.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Line is so many pieces of one product.
type Line struct {
	ProductID      catalog.ID
	SKU            string
	Name           string
	Quantity       int64
	UnitPriceMinor int64
}

// Draft is what a customer sends.
type Draft struct{ Lines []DraftLine }

// DraftLine is so many pieces of one product.
type DraftLine struct {
	ProductID catalog.ID
	Quantity  int64
}

// Actor is who acts. Whose order it is matters to everybody but an admin.
type Actor struct {
	Subject string
	Admin   bool
}

// may tells whether the actor may see and cancel the owner's orders.
func (a Actor) may(owner string) bool { return a.Admin || a.Subject == owner }

// Query asks for a page of orders, the newest first.
type Query struct {
	// Owner is whose orders; empty is everybody's for an admin, and one's own
	// for others, who can have no others.
	Owner string
	// Status is in which state; empty is any.
	Status Status
	// After is the last order of the page before; nil begins.
	After *Position
	// Limit is how many, from 1 to MaxPage.
	Limit int
}

// Position is an order's place in a list.
type Position struct {
	ID ID `json:"i"`
}

// Page is a run of orders, the newest first.
type Page struct {
	Orders []Order
	Next   *Position // nil on the last page
}
