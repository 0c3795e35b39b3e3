package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/orders"
)

const (
	ordersPath = "/api/v1/orders"
	tagOrders  = "Orders"
)

func (s *server) orderOperations() {
	register(s, operation{
		name: "placeOrder", method: http.MethodPost, path: ordersPath, tag: tagOrders, success: http.StatusCreated,
		summary: "Place an order", detail: "The order is taken at once, and reserved, confirmed or rejected a moment later. " +
			"Sent again with the same Idempotency-Key it is the same order, and no second one.",
	}, s.placeOrder)
	register(s, operation{
		name: "listOrders", method: http.MethodGet, path: ordersPath, tag: tagOrders, success: http.StatusOK,
		summary: "List orders", detail: "Your orders, the newest first; for an admin, everybody's.",
		refusals: []int{http.StatusForbidden},
	}, s.listOrders)
	register(s, operation{
		name: "getOrder", method: http.MethodGet, path: ordersPath + "/{id}", tag: tagOrders, success: http.StatusOK,
		summary: "Read an order", refusals: []int{http.StatusNotFound},
	}, s.getOrder)
	register(s, operation{
		name: "cancelOrder", method: http.MethodPost, path: ordersPath + "/{id}/cancel", tag: tagOrders, success: http.StatusOK,
		summary: "Cancel an order", detail: "Gives back what was reserved. A confirmed order can't be cancelled.", bodiless: true,
		refusals: []int{http.StatusNotFound, http.StatusConflict},
	}, s.cancelOrder)
}

type order struct {
	ID         string      `json:"id" format:"uuid"`
	Status     string      `json:"status" enum:"placed,reserved,confirmed,rejected,cancelled"`
	Reason     string      `json:"reason,omitempty" doc:"Why it was rejected"`
	Owner      string      `json:"owner" doc:"The subject of who placed it"`
	Lines      []orderLine `json:"lines" nullable:"false"`
	TotalMinor int64       `json:"total_minor" doc:"In the currency's minor unit"`
	Currency   string      `json:"currency" doc:"ISO 4217"`
	Version    int64       `json:"version"`
	CreatedAt  time.Time   `json:"created_at"`
	UpdatedAt  time.Time   `json:"updated_at"`
}

type orderLine struct {
	ProductID      string `json:"product_id" format:"uuid"`
	SKU            string `json:"sku"`
	Name           string `json:"name"`
	Quantity       int64  `json:"quantity"`
	UnitPriceMinor int64  `json:"unit_price_minor" doc:"As it was when the order was placed"`
}

func presentOrder(o orders.Order) order {
	lines := make([]orderLine, len(o.Lines))
	for i, line := range o.Lines {
		lines[i] = orderLine{line.ProductID.String(), line.SKU, line.Name, line.Quantity, line.UnitPriceMinor}
	}
	return order{
		ID: o.ID.String(), Status: string(o.Status), Reason: o.Reason, Owner: o.Owner, Lines: lines,
		TotalMinor: o.TotalMinor, Currency: o.Currency, Version: o.Version, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
}

type orderBody struct {
	ETag string `header:"ETag"`
	Body order
}

type placeOrderInput struct {
	Key  string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"255" pattern:"^[!-~]+$" doc:"Names this order to you: the same key never makes a second one" example:"cart-7f3a"`
	Body struct {
		Lines []draftLine `json:"lines" minItems:"1" maxItems:"50" nullable:"false"`
	}
}

type draftLine struct {
	ProductID string `json:"product_id" format:"uuid"`
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"1000" example:"1"`
}

type placedOrder struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed" doc:"true if the order was there before"`
	Body     order
}

func (s *server) placeOrder(ctx context.Context, input *placeOrderInput) (*placedOrder, error) {
	var draft orders.Draft
	for _, line := range input.Body.Lines {
		id, err := uuid.Parse(line.ProductID)
		if err != nil {
			return nil, newProblem(codeInvalid, "product_id must be a UUID").about("lines")
		}
		draft.Lines = append(draft.Lines, orders.DraftLine{ProductID: id, Quantity: line.Quantity})
	}
	placed, replayed, err := s.Orders.Place(ctx, actorOf(ctx), input.Key, draft)
	if err != nil {
		return nil, err
	}
	output := &placedOrder{Location: ordersPath + "/" + placed.ID.String(), ETag: etag(placed.Version), Body: presentOrder(placed)}
	if replayed {
		output.Replayed = "true"
	}
	return output, nil
}

type orderID struct {
	ID string `path:"id" format:"uuid"`
}

func (s *server) getOrder(ctx context.Context, input *orderID) (*orderBody, error) {
	id, err := parseID(input.ID)
	if err != nil {
		return nil, err
	}
	found, err := s.Orders.Get(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &orderBody{etag(found.Version), presentOrder(found)}, nil
}

func (s *server) cancelOrder(ctx context.Context, input *orderID) (*orderBody, error) {
	id, err := parseID(input.ID)
	if err != nil {
		return nil, err
	}
	cancelled, err := s.Orders.Cancel(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &orderBody{etag(cancelled.Version), presentOrder(cancelled)}, nil
}

type listOrdersInput struct {
	Paging
	Status string `query:"status" enum:"placed,reserved,confirmed,rejected,cancelled" doc:"Only orders in this state"`
	Owner  string `query:"owner" maxLength:"255" doc:"Only this subject's orders; for admins"`
}

type orderPageBody struct {
	Body struct {
		Items      []order `json:"items" nullable:"false"`
		NextCursor string  `json:"next_cursor,omitempty" doc:"Asks for the next page; absent on the last one"`
	}
}

func (s *server) listOrders(ctx context.Context, input *listOrdersInput) (*orderPageBody, error) {
	actor := actorOf(ctx)
	if input.Owner != "" && !actor.Admin && input.Owner != actor.Subject {
		return nil, &auth.Forbidden{Needs: auth.Admin}
	}
	query := orders.Query{Owner: input.Owner, Status: orders.Status(input.Status), Limit: input.Limit}
	if input.Cursor != "" {
		query.After = &orders.Position{}
		if err := decodeCursor(input.Cursor, orderForm, query.After); err != nil {
			return nil, err
		}
	}
	page, err := s.Orders.List(ctx, actor, query)
	if err != nil {
		return nil, err
	}
	var output orderPageBody
	output.Body.Items = make([]order, len(page.Orders))
	for i, found := range page.Orders {
		output.Body.Items[i] = presentOrder(found)
	}
	if page.Next != nil {
		output.Body.NextCursor = encodeCursor(orderForm, page.Next)
	}
	return &output, nil
}

// actorOf is who acts, as the rules of orders know it.
func actorOf(ctx context.Context) orders.Actor {
	who := requestOf(ctx).principal
	return orders.Actor{Subject: who.Subject, Admin: who.Role == auth.Admin}
}
