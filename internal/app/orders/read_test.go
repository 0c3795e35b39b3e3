package orders_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
)

func TestOthersOrdersAreNotThere(t *testing.T) {
	shop := open(t)
	order := shop.place(t, "k", orders.Placed)
	for name, test := range map[string]struct {
		actor orders.Actor
		id    orders.ID
		want  error
	}{
		"the owner":        {ann, order.ID, nil},
		"an admin":         {admin, order.ID, nil},
		"somebody else":    {bob, order.ID, orders.ErrNotFound},
		"nobody":           {orders.Actor{}, order.ID, orders.ErrNotFound},
		"no order":         {ann, uuid.New(), orders.ErrNotFound},
		"no order, admin ": {admin, uuid.New(), orders.ErrNotFound},
	} {
		got, err := shop.Get(t.Context(), test.actor, test.id)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if (err == nil) != (got.ID == order.ID) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestListsAreOnesOwnUnlessOneIsAdmin(t *testing.T) {
	shop := open(t)
	for i, actor := range []orders.Actor{ann, bob, ann} {
		if _, _, err := shop.Place(t.Context(), actor, fmt.Sprint("k", i), shop.draft(1)); err != nil {
			t.Fatal(err)
		}
	}
	rejected := shop.place(t, "k9", orders.Rejected)
	for name, test := range map[string]struct {
		actor orders.Actor
		query orders.Query
		want  []string
	}{
		"one's own":           {ann, orders.Query{}, []string{"ann", "ann", "ann"}},
		"one's own by name":   {bob, orders.Query{Owner: "bob"}, []string{"bob"}},
		"somebody else's":     {bob, orders.Query{Owner: "ann"}, nil},
		"everybody's":         {admin, orders.Query{}, []string{"ann", "ann", "bob", "ann"}},
		"a customer's":        {admin, orders.Query{Owner: "bob"}, []string{"bob"}},
		"in a state":          {ann, orders.Query{Status: orders.Rejected}, []string{"ann"}},
		"none in a state":     {bob, orders.Query{Status: orders.Rejected}, nil},
		"after the first":     {admin, orders.Query{After: &orders.Position{ID: rejected.ID}}, []string{"ann", "bob", "ann"}},
		"nobody's, by nobody": {orders.Actor{}, orders.Query{Owner: "ann"}, nil},
	} {
		test.query.Limit = 10
		page, err := shop.List(t.Context(), test.actor, test.query)
		if err != nil || page.Next != nil {
			t.Errorf("%s: next %v, %v", name, page.Next, err)
		}
		var owners []string
		for _, order := range page.Orders {
			owners = append(owners, order.Owner)
		}
		if diff := cmp.Diff(test.want, owners); diff != "" {
			t.Errorf("%s: owners (-want +got):\n%s", name, diff)
		}
	}
}

func TestPagesFollowEachOtherWithoutGapOrRepeat(t *testing.T) {
	shop := open(t)
	var placed []orders.ID
	for i := range 7 {
		placed = append([]orders.ID{shop.place(t, fmt.Sprint("k", i), orders.Placed).ID}, placed...)
	}
	for limit := 1; limit <= 8; limit++ {
		var listed []orders.ID
		query := orders.Query{Limit: limit}
		for pages := 0; ; pages++ {
			page, err := shop.List(t.Context(), ann, query)
			if err != nil || pages > 7 {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, order := range page.Orders {
				listed = append(listed, order.ID)
			}
			if page.Next == nil {
				break
			}
			query.After = page.Next
		}
		if diff := cmp.Diff(placed, listed); diff != "" {
			t.Errorf("by %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestListsAreRefusedWithEveryRuleTheyBreak(t *testing.T) {
	shop := open(t)
	for name, test := range map[string]struct {
		query orders.Query
		want  []string
	}{
		"none":         {orders.Query{Limit: 0}, []string{"limit"}},
		"too many":     {orders.Query{Limit: 101}, []string{"limit"}},
		"the most":     {orders.Query{Limit: 100}, nil},
		"no such":      {orders.Query{Limit: 1, Status: "lost"}, []string{"status"}},
		"both at once": {orders.Query{Status: "lost"}, []string{"limit", "status"}},
	} {
		_, err := shop.List(t.Context(), ann, test.query)
		var invalid catalog.Invalid
		errors.As(err, &invalid)
		var broken []string
		for _, violation := range invalid {
			broken = append(broken, violation.Field)
		}
		if diff := cmp.Diff(test.want, broken); diff != "" {
			t.Errorf("%s: broken rules (-want +got):\n%s", name, diff)
		}
	}
}

func TestStatesAreKnown(t *testing.T) {
	for _, status := range []orders.Status{orders.Placed, orders.Reserved, orders.Confirmed, orders.Rejected, orders.Cancelled} {
		if !status.Known() {
			t.Errorf("%s isn't known", status)
		}
	}
	for _, status := range []orders.Status{"", "lost", "Placed"} {
		if status.Known() {
			t.Errorf("%q is known", status)
		}
	}
}
