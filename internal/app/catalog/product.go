// Package catalog holds the rules of the product catalog. It knows neither
// HTTP nor SQL: what it needs of the outside it names as ports.
package catalog

import (
	"time"

	"github.com/google/uuid"
)

// ID names a product for good. IDs are UUIDv7, so that they sort by creation.
type ID = uuid.UUID

// Product is one thing for sale.
type Product struct {
	ID ID
	Draft
	// Version starts at 1 and grows by one with every change.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Draft is the part of a product that its owner writes.
type Draft struct {
	// SKU is the owner's own name for the product, unique whatever its case.
	SKU         string
	Name        string
	Description string
	// PriceMinor is the price in the currency's minor unit: cents, pence, yen.
	PriceMinor int64
	// Currency is an ISO 4217 code, for example EUR.
	Currency string
	Stock    int64 // pieces at hand
}
