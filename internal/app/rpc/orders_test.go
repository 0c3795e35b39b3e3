package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// unworked takes jobs that nobody works on: the tests move orders themselves.
type unworked struct{}

func (unworked) EnqueueReserve(context.Context, pgx.Tx, orders.ID) error { return nil }
func (unworked) EnqueueConfirm(context.Context, pgx.Tx, orders.ID) error { return nil }

// place orders so many pieces of a product.
func (s *service) place(ctx context.Context, key string, product *pocctlv1.Product, quantity int64) *pocctlv1.PlaceOrderResponse {
	s.t.Helper()
	return must(s.orders.PlaceOrder(ctx, &pocctlv1.PlaceOrderRequest{
		IdempotencyKey: key, Lines: []*pocctlv1.OrderLineDraft{{ProductId: product.GetId(), Quantity: quantity}},
	}))(s.t)
}

// work moves an order on, as a worker would.
func (s *service) work(order *pocctlv1.Order, steps ...func(context.Context, orders.ID) error) {
	s.t.Helper()
	for _, step := range steps {
		if err := step(s.t.Context(), uuid.MustParse(order.GetId())); err != nil {
			s.t.Fatalf("work on an order: %v", err)
		}
	}
}

func (s *service) order(ctx context.Context, id string) (*pocctlv1.Order, error) {
	response, err := s.orders.GetOrder(ctx, &pocctlv1.GetOrderRequest{Id: id})
	return response.GetOrder(), err
}

func TestOrdersArePlacedReadAndCancelled(t *testing.T) {
	s := full(t)
	tea, cup := s.create("TEA"), s.create("CUP", func(d *pocctlv1.ProductDraft) { d.PriceMinor = proto.Int64(500) })
	request := &pocctlv1.PlaceOrderRequest{IdempotencyKey: "cart-1", Lines: []*pocctlv1.OrderLineDraft{
		{ProductId: tea.GetId(), Quantity: 2}, {ProductId: cup.GetId(), Quantity: 1},
	}}
	placed := must(s.orders.PlaceOrder(s.viewer(), request))(t)
	want := &pocctlv1.Order{
		Owner: "subject-of-viewer", Status: pocctlv1.OrderStatus_ORDER_STATUS_PLACED, TotalMinor: 4498, Currency: "EUR", Version: 1,
		Lines: []*pocctlv1.OrderLine{
			{ProductId: tea.GetId(), Sku: "TEA", Name: "Lamp TEA", Quantity: 2, UnitPriceMinor: 1999},
			{ProductId: cup.GetId(), Sku: "CUP", Name: "Lamp CUP", Quantity: 1, UnitPriceMinor: 500},
		},
	}
	if diff := cmp.Diff(want, placed.GetOrder(), protocmp.Transform(), protocmp.IgnoreFields(want, "id", "created_at", "updated_at")); diff != "" {
		t.Errorf("placed (-want +got):\n%s", diff)
	}
	if at := placed.GetOrder().GetCreatedAt().AsTime(); time.Since(at).Abs() > time.Minute || placed.GetReplayed() {
		t.Errorf("placed at %s, replayed: %t", at, placed.GetReplayed())
	}
	again := must(s.orders.PlaceOrder(s.viewer(), request))(t)
	if diff := cmp.Diff(placed.GetOrder(), again.GetOrder(), protocmp.Transform()); diff != "" || !again.GetReplayed() {
		t.Errorf("placed again, replayed: %t (-first +again):\n%s", again.GetReplayed(), diff)
	}
	read := must(s.order(s.viewer(), placed.GetOrder().GetId()))(t)
	if diff := cmp.Diff(placed.GetOrder(), read, protocmp.Transform()); diff != "" {
		t.Errorf("read (-placed +read):\n%s", diff)
	}
	cancel := &pocctlv1.CancelOrderRequest{Id: read.GetId()}
	for range 2 {
		cancelled := must(s.orders.CancelOrder(s.viewer(), cancel))(t).GetOrder()
		if cancelled.GetStatus() != pocctlv1.OrderStatus_ORDER_STATUS_CANCELLED || cancelled.GetVersion() != 2 {
			t.Errorf("cancelled: %v", cancelled)
		}
	}
}

func TestAnOrderGoesThroughItsStates(t *testing.T) {
	s := full(t)
	product := s.create("RARE") // seven pieces
	confirmed := s.place(s.viewer(), "confirmed", product, 7).GetOrder()
	s.work(confirmed, s.rules.Reserve)
	if got := must(s.order(s.viewer(), confirmed.GetId()))(t); got.GetStatus() != pocctlv1.OrderStatus_ORDER_STATUS_RESERVED {
		t.Errorf("reserved: %v", got)
	}
	s.work(confirmed, s.rules.Confirm)
	if got := must(s.order(s.viewer(), confirmed.GetId()))(t); got.GetStatus() != pocctlv1.OrderStatus_ORDER_STATUS_CONFIRMED {
		t.Errorf("confirmed: %v", got)
	}
	_, err := s.orders.CancelOrder(s.viewer(), &pocctlv1.CancelOrderRequest{Id: confirmed.GetId()})
	if about := refused(t, err, codes.FailedPrecondition, "order-not-cancellable"); about["status"] != "confirmed" {
		t.Errorf("the order is said to be %q", about["status"])
	}
	rejected := s.place(s.viewer(), "rejected", product, 1).GetOrder()
	s.work(rejected, s.rules.Reserve)
	if got := must(s.order(s.viewer(), rejected.GetId()))(t); got.GetStatus() != pocctlv1.OrderStatus_ORDER_STATUS_REJECTED || got.GetReason() == "" {
		t.Errorf("rejected: %v", got)
	}
}

func TestSomebodyElsesOrderIsNotFound(t *testing.T) {
	s := full(t)
	mine := s.place(s.viewer(), "mine", s.create("MINE"), 1).GetOrder()
	for _, token := range []string{otherViewer, "editor"} {
		_, err := s.order(s.as(token), mine.GetId())
		refused(t, err, codes.NotFound, "order-not-found")
		_, err = s.orders.CancelOrder(s.as(token), &pocctlv1.CancelOrderRequest{Id: mine.GetId()})
		refused(t, err, codes.NotFound, "order-not-found")
		if theirs := must(s.orders.ListOrders(s.as(token), &pocctlv1.ListOrdersRequest{}))(t).GetOrders(); len(theirs) != 0 {
			t.Errorf("%s sees %v", token, theirs)
		}
		_, err = s.orders.ListOrders(s.as(token), &pocctlv1.ListOrdersRequest{Owner: "subject-of-viewer"})
		refused(t, err, codes.PermissionDenied, "forbidden")
	}
	// The key is another's, too: it places an order of their own.
	theirs := must(s.orders.PlaceOrder(s.as(otherViewer), &pocctlv1.PlaceOrderRequest{
		IdempotencyKey: "mine", Lines: []*pocctlv1.OrderLineDraft{{ProductId: mine.GetLines()[0].GetProductId(), Quantity: 3}},
	}))(t)
	if theirs.GetReplayed() || theirs.GetOrder().GetId() == mine.GetId() {
		t.Errorf("another's key gives %v", theirs)
	}
	if got := must(s.order(s.admin(), mine.GetId()))(t); got.GetStatus() != pocctlv1.OrderStatus_ORDER_STATUS_PLACED {
		t.Errorf("an admin reads %v", got)
	}
	if got := must(s.orders.CancelOrder(s.admin(), &pocctlv1.CancelOrderRequest{Id: mine.GetId()}))(t); got.GetOrder().GetOwner() != "subject-of-viewer" {
		t.Errorf("an admin cancels %v", got)
	}
}

func TestOrdersAreListedPageByPage(t *testing.T) {
	s := full(t)
	product := s.create("MANY")
	var mine []string
	for _, key := range []string{"1", "2", "3"} {
		mine = append([]string{s.place(s.viewer(), key, product, 1).GetOrder().GetId()}, mine...)
	}
	must(s.orders.CancelOrder(s.viewer(), &pocctlv1.CancelOrderRequest{Id: mine[1]}))(t)
	theirs := s.place(s.as(otherViewer), "1", product, 1).GetOrder().GetId()
	tests := map[string]struct {
		ctx     context.Context
		request *pocctlv1.ListOrdersRequest
		want    []string
	}{
		"one's own":              {s.viewer(), &pocctlv1.ListOrdersRequest{}, mine},
		"one's own by name":      {s.viewer(), &pocctlv1.ListOrdersRequest{Owner: "subject-of-viewer"}, mine},
		"cancelled":              {s.viewer(), &pocctlv1.ListOrdersRequest{Status: pocctlv1.OrderStatus_ORDER_STATUS_CANCELLED}, mine[1:2]},
		"confirmed":              {s.viewer(), &pocctlv1.ListOrdersRequest{Status: pocctlv1.OrderStatus_ORDER_STATUS_CONFIRMED}, nil},
		"everyone's":             {s.admin(), &pocctlv1.ListOrdersRequest{}, append([]string{theirs}, mine...)},
		"somebody's to an admin": {s.admin(), &pocctlv1.ListOrdersRequest{Owner: "subject-of-" + otherViewer}, []string{theirs}},
	}
	for name, test := range tests {
		for _, size := range []int32{0, 1, 2} {
			t.Run(name, func(t *testing.T) {
				request := proto.CloneOf(test.request)
				request.PageSize = size
				var got []string
				for {
					page := must(s.orders.ListOrders(test.ctx, request))(t)
					for _, order := range page.GetOrders() {
						got = append(got, order.GetId())
						if len(order.GetLines()) != 1 {
							t.Errorf("%s has the lines %v", order.GetId(), order.GetLines())
						}
					}
					if page.GetNextPageToken() == "" {
						break
					}
					request.PageToken = page.GetNextPageToken()
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
				}
			})
		}
	}
}

func TestWhatOrdersRefuse(t *testing.T) {
	s := full(t)
	euro := s.create("EURO")
	dollar := s.create("DOLLAR", func(d *pocctlv1.ProductDraft) { d.Currency = "USD" })
	s.place(s.viewer(), "used", euro, 1)
	place := func(key string, lines ...*pocctlv1.OrderLineDraft) func() error {
		return func() error {
			_, err := s.orders.PlaceOrder(s.viewer(), &pocctlv1.PlaceOrderRequest{IdempotencyKey: key, Lines: lines})
			return err
		}
	}
	line := func(id string, quantity int64) *pocctlv1.OrderLineDraft {
		return &pocctlv1.OrderLineDraft{ProductId: id, Quantity: quantity}
	}
	get := func(id string) func() error {
		return func() error {
			_, err := s.order(s.viewer(), id)
			return err
		}
	}
	list := func(request *pocctlv1.ListOrdersRequest) func() error {
		return func() error {
			_, err := s.orders.ListOrders(s.viewer(), request)
			return err
		}
	}
	cancel := func(id string) func() error {
		return func() error {
			_, err := s.orders.CancelOrder(s.viewer(), &pocctlv1.CancelOrderRequest{Id: id})
			return err
		}
	}
	const invalid, parameter = "invalid-value", "invalid-parameter"
	tests := map[string]struct {
		call   func() error
		code   codes.Code
		reason string
		fields []string
	}{
		"no key":                  {place("", line(euro.GetId(), 1)), codes.InvalidArgument, invalid, []string{"idempotency_key"}},
		"a key with a space":      {place("a b", line(euro.GetId(), 1)), codes.InvalidArgument, invalid, []string{"idempotency_key"}},
		"a long key":              {place(strings.Repeat("k", 256), line(euro.GetId(), 1)), codes.InvalidArgument, invalid, []string{"idempotency_key"}},
		"no lines":                {place("a"), codes.InvalidArgument, invalid, []string{"lines"}},
		"no IDs":                  {place("a", line("", 1), line(euro.GetId(), 1), line("x", 1), nil), codes.InvalidArgument, invalid, []string{"lines[0].product_id", "lines[2].product_id", "lines[3].product_id"}},
		"nothing, and too much":   {place("a", line(euro.GetId(), 0), line(dollar.GetId(), 1001)), codes.InvalidArgument, invalid, []string{"lines[0].quantity", "lines[1].quantity"}},
		"twice":                   {place("a", line(euro.GetId(), 1), line(euro.GetId(), 1)), codes.InvalidArgument, invalid, []string{"lines[1].product_id"}},
		"what isn't there":        {place("a", line(someID, 1)), codes.InvalidArgument, invalid, []string{"lines[0].product_id"}},
		"in two currencies":       {place("a", line(euro.GetId(), 1), line(dollar.GetId(), 1)), codes.InvalidArgument, invalid, []string{"lines[1].product_id"}},
		"with another's key":      {place("used", line(euro.GetId(), 2)), codes.AlreadyExists, "idempotency-key-reused", []string{"idempotency_key"}},
		"get no ID":               {get(""), codes.InvalidArgument, parameter, []string{"id"}},
		"get what isn't there":    {get(someID), codes.NotFound, "order-not-found", nil},
		"list too many":           {list(&pocctlv1.ListOrdersRequest{PageSize: 101}), codes.InvalidArgument, parameter, []string{"page_size"}},
		"list an odd status":      {list(&pocctlv1.ListOrdersRequest{Status: 42}), codes.InvalidArgument, parameter, []string{"status"}},
		"list an odd page":        {list(&pocctlv1.ListOrdersRequest{PageToken: "x"}), codes.InvalidArgument, parameter, []string{"page_token"}},
		"cancel no ID":            {cancel("x"), codes.InvalidArgument, parameter, []string{"id"}},
		"cancel what isn't there": {cancel(someID), codes.NotFound, "order-not-found", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { refused(t, test.call(), test.code, test.reason, test.fields...) })
	}
	if all := must(s.orders.ListOrders(s.viewer(), &pocctlv1.ListOrdersRequest{}))(t).GetOrders(); len(all) != 1 {
		t.Errorf("%d orders are there, want 1", len(all))
	}
}

func TestAFullQueueIsSaid(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Orders = failingOrders{err: errors.Join(errSecret, orders.ErrBusy)} })
	_, err := s.orders.PlaceOrder(s.viewer(), &pocctlv1.PlaceOrderRequest{})
	refused(t, err, codes.Unavailable, "queue-full")
}

type failingOrders struct {
	rpc.Orders
	err error
}

func (f failingOrders) Place(context.Context, orders.Actor, string, orders.Draft) (orders.Order, bool, error) {
	return orders.Order{}, false, f.err
}
