package orders_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
)

// TestEveryTransition has each act on an order in each state.
func TestEveryTransition(t *testing.T) {
	type want struct {
		status orders.Status
		stock  int64 // afterwards, of 10
		jobs   int   // added
		err    string
	}
	acts := map[string]func(*shop, context.Context, orders.ID) error{
		"reserve":       func(s *shop, ctx context.Context, id orders.ID) error { return s.Reserve(ctx, id) },
		"confirm":       func(s *shop, ctx context.Context, id orders.ID) error { return s.Confirm(ctx, id) },
		"cancel":        func(s *shop, ctx context.Context, id orders.ID) error { _, err := s.Cancel(ctx, ann, id); return err },
		"admin cancels": func(s *shop, ctx context.Context, id orders.ID) error { _, err := s.Cancel(ctx, admin, id); return err },
		"bob cancels":   func(s *shop, ctx context.Context, id orders.ID) error { _, err := s.Cancel(ctx, bob, id); return err },
	}
	const (
		final    = "can't be cancelled any more"
		notThere = "no such order"
		early    = "still to be reserved"
	)
	tests := []struct {
		act  string
		from orders.Status
		want want
	}{
		{"reserve", orders.Placed, want{orders.Reserved, 7, 1, ""}},
		{"reserve", orders.Reserved, want{orders.Reserved, 10, 0, ""}},
		{"reserve", orders.Confirmed, want{orders.Confirmed, 10, 0, ""}},
		{"reserve", orders.Rejected, want{orders.Rejected, 10, 0, ""}},
		{"reserve", orders.Cancelled, want{orders.Cancelled, 10, 0, ""}},

		{"confirm", orders.Placed, want{orders.Placed, 10, 0, early}},
		{"confirm", orders.Reserved, want{orders.Confirmed, 10, 0, ""}},
		{"confirm", orders.Confirmed, want{orders.Confirmed, 10, 0, ""}},
		{"confirm", orders.Rejected, want{orders.Rejected, 10, 0, ""}},
		{"confirm", orders.Cancelled, want{orders.Cancelled, 10, 0, ""}},

		{"cancel", orders.Placed, want{orders.Cancelled, 10, 0, ""}},
		{"cancel", orders.Reserved, want{orders.Cancelled, 13, 0, ""}},
		{"cancel", orders.Confirmed, want{orders.Confirmed, 10, 0, final}},
		{"cancel", orders.Rejected, want{orders.Rejected, 10, 0, final}},
		{"cancel", orders.Cancelled, want{orders.Cancelled, 10, 0, ""}},

		{"admin cancels", orders.Placed, want{orders.Cancelled, 10, 0, ""}},
		{"admin cancels", orders.Reserved, want{orders.Cancelled, 13, 0, ""}},
		{"admin cancels", orders.Confirmed, want{orders.Confirmed, 10, 0, final}},

		{"bob cancels", orders.Placed, want{orders.Placed, 10, 0, notThere}},
		{"bob cancels", orders.Reserved, want{orders.Reserved, 10, 0, notThere}},
		{"bob cancels", orders.Confirmed, want{orders.Confirmed, 10, 0, notThere}},
		{"bob cancels", orders.Cancelled, want{orders.Cancelled, 10, 0, notThere}},
	}
	for _, test := range tests {
		t.Run(test.act+" "+string(test.from), func(t *testing.T) {
			shop := open(t)
			order := shop.place(t, "k", test.from)
			shop.store.jobs = nil
			err := acts[test.act](shop, t.Context(), order.ID)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if (err == nil) != (test.want.err == "") || !strings.Contains(message, test.want.err) {
				t.Errorf("got the error %q, want %q", message, test.want.err)
			}
			after := shop.store.orders[order.ID]
			got := want{after.Status, shop.store.stock[shop.product], len(shop.store.jobs), test.want.err}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("afterwards (-want +got):\n%s", diff)
			}
			if changed := test.want.status != test.from; (after.Version == order.Version+1) != changed {
				t.Errorf("version %d became %d", order.Version, after.Version)
			}
			if moved := test.want.stock != 10; (len(shop.stale) == 1) != moved {
				t.Errorf("the cache was told of %v", shop.stale)
			}
		})
	}
}

func TestAnOrderThatCannotBeHadIsRejected(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Placed)
	shop.store.stock[shop.product] = 2
	if err := shop.Reserve(t.Context(), order.ID); err != nil {
		t.Fatalf("reserve: %v", err)
	}
	after, err := shop.Get(t.Context(), ann, order.ID)
	if err != nil || after.Status != orders.Rejected || after.Reason == "" {
		t.Errorf("afterwards it is %s for %q, %v", after.Status, after.Reason, err)
	}
	if left := shop.store.stock[shop.product]; left != 2 || len(shop.stale) > 0 {
		t.Errorf("%d pieces are left, and the cache was told of %v", left, shop.stale)
	}
}

func TestStateErrorsTellTheState(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Confirmed)
	_, err := shop.Cancel(t.Context(), ann, order.ID)
	var state *orders.StateError
	if !errors.As(err, &state) || state.Status != orders.Confirmed {
		t.Errorf("got %v", err)
	}
}

func TestCancelGivesTheOrderAsItIsAfterwards(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Reserved)
	for range 2 {
		after, err := shop.Cancel(t.Context(), ann, order.ID)
		if err != nil || after.Status != orders.Cancelled || after.Version != 2 {
			t.Errorf("got %+v, %v", after, err)
		}
	}
	if stock := shop.store.stock[shop.product]; stock != 13 {
		t.Errorf("cancelled twice, %d pieces are there, want 13", stock)
	}
}

// A commit whose answer was lost may have been done.
func TestTheCacheIsToldAlsoIfTheEndIsUnknown(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Placed)
	shop.store.lost = catalog.ErrUnavailable
	if err := shop.Reserve(t.Context(), order.ID); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("reserve: %v", err)
	}
	if diff := cmp.Diff(stale{shop.product: 2}, shop.stale); diff != "" {
		t.Errorf("the cache was told of (-want +got):\n%s", diff)
	}
}

func TestErrorsOfTheStoreReachTheCaller(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Placed)
	shop.store.fails = catalog.ErrUnavailable
	ctx := t.Context()
	_, _, placing := shop.Place(ctx, ann, "other", shop.draft(1))
	_, reading := shop.Get(ctx, ann, order.ID)
	_, listing := shop.List(ctx, ann, orders.Query{Limit: 1})
	_, cancelling := shop.Cancel(ctx, ann, order.ID)
	for action, err := range map[string]error{
		"place": placing, "get": reading, "list": listing, "cancel": cancelling,
		"reserve": shop.Reserve(ctx, order.ID), "confirm": shop.Confirm(ctx, order.ID),
	} {
		if !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s: %v", action, err)
		}
	}
}

func TestWorkersAreToldOfOrdersThatThereAreNot(t *testing.T) {
	shop := open(t)
	for action, err := range map[string]error{
		"reserve": shop.Reserve(t.Context(), uuid.New()), "confirm": shop.Confirm(t.Context(), uuid.New()),
	} {
		if !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%s: %v", action, err)
		}
	}
}
