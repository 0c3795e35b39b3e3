package rpc

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

type orderService struct {
	pocctlv1.UnimplementedOrderServiceServer
	orders Orders
}

func (s *orderService) PlaceOrder(ctx context.Context, request *pocctlv1.PlaceOrderRequest) (*pocctlv1.PlaceOrderResponse, error) {
	draft, err := orderDraftOf(request.GetLines())
	if err != nil {
		return nil, err
	}
	placed, replayed, err := s.orders.Place(ctx, actorOf(ctx), request.GetIdempotencyKey(), draft)
	if err != nil {
		return nil, renamed(err, "", orderFields())
	}
	return &pocctlv1.PlaceOrderResponse{Order: orderOf(placed), Replayed: replayed}, nil
}

func (s *orderService) GetOrder(ctx context.Context, request *pocctlv1.GetOrderRequest) (*pocctlv1.GetOrderResponse, error) {
	id, err := parseID("id", request.GetId())
	if err != nil {
		return nil, err
	}
	found, err := s.orders.Get(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &pocctlv1.GetOrderResponse{Order: orderOf(found)}, nil
}

func (s *orderService) ListOrders(ctx context.Context, request *pocctlv1.ListOrdersRequest) (*pocctlv1.ListOrdersResponse, error) {
	actor := actorOf(ctx)
	if owner := request.GetOwner(); owner != "" && !actor.Admin && owner != actor.Subject {
		return nil, &auth.Forbidden{Operation: "listOrders", Needs: auth.Admin}
	}
	wanted, err := wantedStatus(request.GetStatus())
	if err != nil {
		return nil, err
	}
	after, err := placeOf[orders.Position](request)
	if err != nil {
		return nil, err
	}
	page, err := s.orders.List(ctx, actor, orders.Query{
		Owner: request.GetOwner(), Status: wanted, After: after, Limit: pageSize(request),
	})
	if err != nil {
		return nil, renamed(err, "", orderFields())
	}
	response := &pocctlv1.ListOrdersResponse{}
	for _, found := range page.Orders {
		response.Orders = append(response.Orders, orderOf(found))
	}
	if page.Next != nil {
		response.NextPageToken, err = nextToken(request, *page.Next)
	}
	return response, err
}

func (s *orderService) CancelOrder(ctx context.Context, request *pocctlv1.CancelOrderRequest) (*pocctlv1.CancelOrderResponse, error) {
	id, err := parseID("id", request.GetId())
	if err != nil {
		return nil, err
	}
	cancelled, err := s.orders.Cancel(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &pocctlv1.CancelOrderResponse{Order: orderOf(cancelled)}, nil
}

// actorOf is who acts, as the rules of orders know it.
func actorOf(ctx context.Context) orders.Actor {
	who := auth.FromContext(ctx)
	return orders.Actor{Subject: who.Subject, Admin: who.Role == auth.Admin}
}

// orderDraftOf reads the IDs of all lines, and tells of every one that is none.
func orderDraftOf(lines []*pocctlv1.OrderLineDraft) (orders.Draft, error) {
	var draft orders.Draft
	var broken catalog.Invalid
	for i, line := range lines {
		id, err := parseID("", line.GetProductId())
		if err != nil {
			broken = append(broken, catalog.Violation{Field: fmt.Sprintf("lines[%d].product_id", i), Detail: "must be a UUID"})
		}
		draft.Lines = append(draft.Lines, orders.DraftLine{ProductID: id, Quantity: line.GetQuantity()})
	}
	if broken != nil {
		return orders.Draft{}, broken
	}
	return draft, nil
}

// orderFields are the orders' names of what a request has under another.
func orderFields() map[string]string {
	return map[string]string{"limit": "page_size", "cursor": "page_token", "Idempotency-Key": "idempotency_key"}
}

func orderOf(o orders.Order) *pocctlv1.Order {
	order := &pocctlv1.Order{
		Id: o.ID.String(), Owner: o.Owner, Status: statusOf(o.Status), Reason: o.Reason,
		TotalMinor: o.TotalMinor, Currency: o.Currency, Version: o.Version,
		CreatedAt: timestamppb.New(o.CreatedAt), UpdatedAt: timestamppb.New(o.UpdatedAt),
	}
	for _, line := range o.Lines {
		order.Lines = append(order.Lines, &pocctlv1.OrderLine{
			ProductId: line.ProductID.String(), Sku: line.SKU, Name: line.Name,
			Quantity: line.Quantity, UnitPriceMinor: line.UnitPriceMinor,
		})
	}
	return order
}

func statusOf(status orders.Status) pocctlv1.OrderStatus {
	switch status {
	case orders.Placed:
		return pocctlv1.OrderStatus_ORDER_STATUS_PLACED
	case orders.Reserved:
		return pocctlv1.OrderStatus_ORDER_STATUS_RESERVED
	case orders.Confirmed:
		return pocctlv1.OrderStatus_ORDER_STATUS_CONFIRMED
	case orders.Rejected:
		return pocctlv1.OrderStatus_ORDER_STATUS_REJECTED
	case orders.Cancelled:
		return pocctlv1.OrderStatus_ORDER_STATUS_CANCELLED
	}
	return pocctlv1.OrderStatus_ORDER_STATUS_UNSPECIFIED
}

// wantedStatus is the status to keep; unspecified is any.
func wantedStatus(given pocctlv1.OrderStatus) (orders.Status, error) {
	if given == pocctlv1.OrderStatus_ORDER_STATUS_UNSPECIFIED {
		return "", nil
	}
	for _, status := range []orders.Status{orders.Placed, orders.Reserved, orders.Confirmed, orders.Rejected, orders.Cancelled} {
		if statusOf(status) == given {
			return status, nil
		}
	}
	return "", badParameter("status", "must be an OrderStatus")
}
