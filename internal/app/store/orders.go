package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// Jobs adds jobs for the workers as part of a transaction: with the order's
// change, or not at all.
type Jobs interface {
	EnqueueReserve(ctx context.Context, tx pgx.Tx, id orders.ID) error
	EnqueueConfirm(ctx context.Context, tx pgx.Tx, id orders.ID) error
}

// Orders keeps orders beside the store's products.
type Orders struct {
	*Store
	jobs Jobs
	now  func() time.Time
}

var _ orders.Store = (*Orders)(nil)

// NewOrders keeps orders in s. now is the clock that dates changes.
func NewOrders(s *Store, jobs Jobs, now func() time.Time) *Orders {
	return &Orders{Store: s, jobs: jobs, now: now}
}

// PlaceOrder implements orders.Store.
func (o *Orders) PlaceOrder(ctx context.Context, placing orders.Placing) (order orders.Order, replayed bool, err error) {
	err = o.transact(ctx, "place an order", func(tx pgx.Tx, q *query.Queries) error {
		order, replayed, err = o.place(ctx, tx, q, placing)
		return err
	})
	if err != nil {
		return orders.Order{}, false, err
	}
	return order, replayed, nil
}

func (o *Orders) place(ctx context.Context, tx pgx.Tx, q *query.Queries, placing orders.Placing) (orders.Order, bool, error) {
	// Before anything else: the products may have gone since.
	before, found, err := replay(ctx, q, placing)
	if err != nil || found {
		return before, found, err
	}
	order, err := price(ctx, q, placing.Order)
	if err != nil {
		return orders.Order{}, false, err
	}
	created, err := q.CreateOrder(ctx, query.CreateOrderParams{
		ID: order.ID, Owner: order.Owner, IdempotencyKey: placing.Key, Fingerprint: placing.Fingerprint,
		Status: string(order.Status), TotalMinor: order.TotalMinor, Currency: order.Currency, Now: order.CreatedAt,
	})
	if err != nil {
		return orders.Order{}, false, err
	}
	if created == 0 { // another with the same key came first
		return replay(ctx, q, placing)
	}
	if err := q.CreateOrderLines(ctx, lineColumns(order)); err != nil {
		return orders.Order{}, false, err
	}
	return order, false, o.jobs.EnqueueReserve(ctx, tx, order.ID)
}

// replay gives the order that has the key already, if there is one.
func replay(ctx context.Context, q *query.Queries, placing orders.Placing) (order orders.Order, found bool, err error) {
	row, err := q.OrderByKey(ctx, query.OrderByKeyParams{Owner: placing.Owner, IdempotencyKey: placing.Key})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return orders.Order{}, false, nil
	case err != nil:
		return orders.Order{}, false, err
	case !bytes.Equal(row.Fingerprint, placing.Fingerprint):
		return orders.Order{}, false, orders.ErrKeyReused
	}
	there, err := withLines(ctx, q, []query.Order{row})
	if err != nil {
		return orders.Order{}, false, err
	}
	return there[0], true, nil
}

// price fills in what the catalog says of the order's products.
func price(ctx context.Context, q *query.Queries, order orders.Order) (orders.Order, error) {
	products, err := q.PricedProducts(ctx, productIDs(order))
	if err != nil {
		return order, err
	}
	byID := make(map[uuid.UUID]query.PricedProductsRow, len(products))
	for _, product := range products {
		byID[product.ID] = product
	}
	var broken catalog.Invalid
	for i := range order.Lines {
		line := &order.Lines[i]
		product, there := byID[line.ProductID]
		field := fmt.Sprintf("lines[%d].product_id", i)
		switch {
		case !there:
			broken = append(broken, catalog.Violation{Field: field, Detail: "must be a product that there is"})
			continue
		case order.Currency == "":
			order.Currency = product.Currency
		case order.Currency != product.Currency:
			broken = append(broken, catalog.Violation{Field: field, Detail: "must be priced in the currency of the others"})
		}
		line.SKU, line.Name, line.UnitPriceMinor = product.Sku, product.Name, product.PriceMinor
		order.TotalMinor += line.Quantity * line.UnitPriceMinor
	}
	if broken != nil {
		return order, broken
	}
	return order, nil
}

// Order implements orders.Store.
func (o *Orders) Order(ctx context.Context, id orders.ID) (orders.Order, error) {
	row, err := o.queries.GetOrder(ctx, id)
	if err != nil {
		return orders.Order{}, orderError("read an order", err)
	}
	found, err := withLines(ctx, o.queries, []query.Order{row})
	if err != nil {
		return orders.Order{}, orderError("read an order's lines", err)
	}
	return found[0], nil
}

// Orders implements orders.Store.
func (o *Orders) Orders(ctx context.Context, asked orders.Query) ([]orders.Order, error) {
	before := uuid.Max
	if asked.After != nil {
		before = asked.After.ID
	}
	var rows []query.Order
	var err error
	if asked.Owner == "" {
		rows, err = o.queries.ListOrders(ctx, query.ListOrdersParams{
			Before: before, Status: string(asked.Status), MaxItems: int64(asked.Limit),
		})
	} else {
		rows, err = o.queries.ListOwnOrders(ctx, query.ListOwnOrdersParams{
			Owner: asked.Owner, Before: before, Status: string(asked.Status), MaxItems: int64(asked.Limit),
		})
	}
	if err != nil {
		return nil, orderError("list orders", err)
	}
	found, err := withLines(ctx, o.queries, rows)
	return found, orderError("read the lines of orders", err)
}

// transact does the work in one transaction.
func (o *Orders) transact(ctx context.Context, action string, work func(pgx.Tx, *query.Queries) error) error {
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error { return work(tx, o.queries.WithTx(tx)) })
	return orderError(action, err)
}

// orderError turns a driver's error into the domain's terms.
func orderError(action string, err error) error {
	var invalid catalog.Invalid
	var state *orders.StateError
	switch {
	case errors.As(err, &invalid), errors.As(err, &state), errors.Is(err, orders.ErrKeyReused), errors.Is(err, orders.ErrNotFound):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return orders.ErrNotFound
	}
	return translate(action, err)
}

func withLines(ctx context.Context, q *query.Queries, rows []query.Order) ([]orders.Order, error) {
	found := make([]orders.Order, len(rows))
	places := make(map[uuid.UUID]int, len(rows))
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		found[i] = orderFromRow(row)
		places[row.ID], ids[i] = i, row.ID
	}
	if len(ids) == 0 {
		return found, nil
	}
	lines, err := q.OrderLines(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		order := &found[places[line.OrderID]]
		order.Lines = append(order.Lines, orders.Line{
			ProductID: line.ProductID, SKU: line.Sku, Name: line.Name, Quantity: line.Quantity, UnitPriceMinor: line.UnitPriceMinor,
		})
	}
	return found, nil
}

func orderFromRow(row query.Order) orders.Order {
	return orders.Order{
		ID: row.ID, Owner: row.Owner, Status: orders.Status(row.Status), Reason: row.Reason,
		TotalMinor: row.TotalMinor, Currency: row.Currency, Version: row.Version,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

func lineColumns(order orders.Order) query.CreateOrderLinesParams {
	columns := query.CreateOrderLinesParams{OrderID: order.ID}
	for i, line := range order.Lines {
		columns.Positions = append(columns.Positions, int32(i))
		columns.ProductIds = append(columns.ProductIds, line.ProductID)
		columns.Skus = append(columns.Skus, line.SKU)
		columns.Names = append(columns.Names, line.Name)
		columns.Quantities = append(columns.Quantities, line.Quantity)
		columns.Prices = append(columns.Prices, line.UnitPriceMinor)
	}
	return columns
}

func productIDs(order orders.Order) []uuid.UUID {
	ids := make([]uuid.UUID, len(order.Lines))
	for i, line := range order.Lines {
		ids[i] = line.ProductID
	}
	return ids
}
