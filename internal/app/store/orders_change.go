package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// ChangeOrder implements orders.Store. Products whose stock has changed are told
// also if it isn't known whether the transaction was done.
func (o *Orders) ChangeOrder(
	ctx context.Context, id orders.ID, decide func(orders.Order) (orders.Change, error),
) (changed orders.Order, stocked []orders.Stocked, err error) {
	err = o.transact(ctx, "change an order", func(tx pgx.Tx, q *query.Queries) error {
		row, err := q.LockOrder(ctx, id)
		if err != nil {
			return err
		}
		found, err := withLines(ctx, q, []query.Order{row})
		if err != nil {
			return err
		}
		changed = found[0]
		change, err := decide(changed)
		if err != nil || change.Status == "" {
			return err
		}
		if stocked, err = o.moveStock(ctx, q, changed, &change); err != nil {
			return err
		}
		if row, err = q.ChangeOrder(ctx, query.ChangeOrderParams{
			ID: id, Status: string(change.Status), Reason: change.Reason, Now: o.now(),
		}); err != nil {
			return err
		}
		lines := changed.Lines
		changed = orderFromRow(row)
		changed.Lines = lines
		if change.Confirm {
			return o.jobs.EnqueueConfirm(ctx, tx, id)
		}
		return nil
	})
	return changed, stocked, err
}

// moveStock does what the change says of the stock. An order that can't have all
// of its pieces takes none, and the change becomes its rejection.
func (o *Orders) moveStock(ctx context.Context, q *query.Queries, order orders.Order, change *orders.Change) ([]orders.Stocked, error) {
	if change.Stock == orders.Leave {
		return nil, nil
	}
	there, err := q.LockStock(ctx, productIDs(order))
	if err != nil {
		return nil, err
	}
	stock := make(map[uuid.UUID]int64, len(there))
	for _, product := range there {
		stock[product.ID] = product.Stock
	}
	moved := query.MoveStockParams{Now: o.now()}
	var lacking []string
	for _, line := range order.Lines {
		pieces, known := stock[line.ProductID]
		switch {
		case change.Stock == orders.Return:
			if known { // to a product that has gone, nothing can be given back
				moved.Ids, moved.Pieces = append(moved.Ids, line.ProductID), append(moved.Pieces, line.Quantity)
			}
			continue
		case !known:
			lacking = append(lacking, fmt.Sprintf("%s is no longer sold", line.SKU))
		case pieces < line.Quantity:
			lacking = append(lacking, fmt.Sprintf("%s: %d wanted, %d at hand", line.SKU, line.Quantity, pieces))
		}
		moved.Ids, moved.Pieces = append(moved.Ids, line.ProductID), append(moved.Pieces, -line.Quantity)
	}
	if len(lacking) > 0 {
		*change = orders.Change{Status: orders.Rejected, Reason: strings.Join(lacking, "; ")}
		return nil, nil
	}
	rows, err := q.MoveStock(ctx, moved)
	if err != nil {
		return nil, err
	}
	stocked := make([]orders.Stocked, len(rows))
	for i, row := range rows {
		stocked[i] = orders.Stocked{ID: row.ID, Version: row.Version}
	}
	return stocked, nil
}
