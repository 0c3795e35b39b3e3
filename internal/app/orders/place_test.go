package orders_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
)

func TestDraftsAreRefusedWithEveryRuleTheyBreak(t *testing.T) {
	shop := open(t)
	line := func(quantity int64) orders.DraftLine {
		return orders.DraftLine{ProductID: uuid.New(), Quantity: quantity}
	}
	many := func(count int) (lines []orders.DraftLine) {
		for range count {
			lines = append(lines, line(1))
		}
		return lines
	}
	twice := line(1)
	tests := map[string]struct {
		key    string
		lines  []orders.DraftLine
		broken []string
	}{
		"one line":              {"k", many(1), nil},
		"fifty lines":           {"k", many(50), nil},
		"the most of it":        {"k", []orders.DraftLine{line(1000)}, nil},
		"the longest key":       {strings.Repeat("k", 255), many(1), nil},
		"every visible ASCII":   {"!#09AZaz~", many(1), nil},
		"no lines":              {"k", nil, []string{"lines"}},
		"fifty-one lines":       {"k", many(51), []string{"lines"}},
		"none of it":            {"k", []orders.DraftLine{line(1), line(0)}, []string{"lines[1].quantity"}},
		"less than none":        {"k", []orders.DraftLine{line(-1)}, []string{"lines[0].quantity"}},
		"too much of it":        {"k", []orders.DraftLine{line(1001)}, []string{"lines[0].quantity"}},
		"a product twice":       {"k", []orders.DraftLine{twice, line(1), twice}, []string{"lines[2].product_id"}},
		"no key":                {"", many(1), []string{"Idempotency-Key"}},
		"too long a key":        {strings.Repeat("k", 256), many(1), []string{"Idempotency-Key"}},
		"a space in the key":    {"a b", many(1), []string{"Idempotency-Key"}},
		"a newline in the key":  {"a\n", many(1), []string{"Idempotency-Key"}},
		"DEL in the key":        {"a\x7f", many(1), []string{"Idempotency-Key"}},
		"a key that isn't text": {"\xff", many(1), []string{"Idempotency-Key"}},
		"a key in Greek":        {"κ", many(1), []string{"Idempotency-Key"}},
		"all at once":           {"", []orders.DraftLine{{}, {}}, []string{"Idempotency-Key", "lines[0].quantity", "lines[1].quantity", "lines[1].product_id"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := shop.Place(t.Context(), orders.Actor{Subject: name}, test.key, orders.Draft{Lines: test.lines})
			var invalid catalog.Invalid
			if err != nil && !errors.As(err, &invalid) {
				t.Fatalf("got the error %v", err)
			}
			var broken []string
			for _, violation := range invalid {
				broken = append(broken, violation.Field)
			}
			if diff := cmp.Diff(test.broken, broken); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			if placed := len(shop.store.keys); (err == nil) != (placed > 0) {
				t.Errorf("%d orders were placed", placed)
			}
			clear(shop.store.keys)
		})
	}
}

func TestAKeyIsOneOrderOfItsOwner(t *testing.T) {
	shop := open(t)
	first, replayed, err := shop.Place(t.Context(), ann, "cart", shop.draft(3))
	if err != nil || replayed {
		t.Fatalf("the first one: replayed %t, %v", replayed, err)
	}
	want := orders.Order{
		ID: first.ID, Owner: "ann", Status: orders.Placed, Version: 1, CreatedAt: noon, UpdatedAt: noon,
		Lines: []orders.Line{{ProductID: shop.product, Quantity: 3}},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the order (-want +got):\n%s", diff)
	}
	again, replayed, err := shop.Place(t.Context(), ann, "cart", shop.draft(3))
	if err != nil || !replayed || again.ID != first.ID {
		t.Errorf("again: order %s, replayed %t, %v; want %s, replayed", again.ID, replayed, err, first.ID)
	}
	if _, _, err := shop.Place(t.Context(), ann, "cart", shop.draft(4)); !errors.Is(err, orders.ErrKeyReused) {
		t.Errorf("another order with the same key: %v", err)
	}
	others, replayed, err := shop.Place(t.Context(), bob, "cart", shop.draft(4))
	if err != nil || replayed || others.ID == first.ID {
		t.Errorf("somebody else with the same key: order %s, replayed %t, %v", others.ID, replayed, err)
	}
	if diff := cmp.Diff([]string{"reserve", "reserve"}, shop.store.jobs); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func TestDraftsThatDifferNeverLookTheSame(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	line := func(product catalog.ID, quantity int64) orders.DraftLine {
		return orders.DraftLine{ProductID: product, Quantity: quantity}
	}
	drafts := [][]orders.DraftLine{
		{line(a, 1)}, {line(a, 256)}, {line(b, 1)}, {line(a, 1), line(b, 1)}, {line(b, 1), line(a, 1)}, {line(a, 1), line(b, 2)},
	}
	for i, first := range drafts {
		for j, second := range drafts {
			shop := open(t)
			if _, _, err := shop.Place(t.Context(), ann, "k", orders.Draft{Lines: first}); err != nil {
				t.Fatal(err)
			}
			_, replayed, err := shop.Place(t.Context(), ann, "k", orders.Draft{Lines: second})
			if same := i == j; replayed != same || errors.Is(err, orders.ErrKeyReused) == same {
				t.Errorf("%v after %v: replayed %t, %v", second, first, replayed, err)
			}
		}
	}
}

func TestOrdersAreRefusedWhileTooManyWait(t *testing.T) {
	shop := open(t)
	shop.full = true
	if _, _, err := shop.Place(t.Context(), ann, "k", shop.draft(1)); !errors.Is(err, orders.ErrBusy) {
		t.Errorf("a full queue: %v", err)
	}
	if _, _, err := shop.Place(t.Context(), ann, "", shop.draft(1)); errors.Is(err, orders.ErrBusy) {
		t.Errorf("what can't be placed at any time is told so: %v", err)
	}
	shop.full = false
	if _, _, err := shop.Place(t.Context(), ann, "k", shop.draft(1)); err != nil {
		t.Errorf("a queue that has room: %v", err)
	}
}

func TestOrdersNeedNobodyToSayThatTheQueueIsFull(t *testing.T) {
	shop := open(t)
	rules := orders.New(orders.Options{Store: shop.store, Cache: shop.stale, Now: func() time.Time { return noon }})
	if _, _, err := rules.Place(t.Context(), ann, "k", shop.draft(1)); err != nil {
		t.Error(err)
	}
}
