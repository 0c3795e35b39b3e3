package store_test

import (
	"context"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
)

// noCache has nothing to invalidate.
type noCache struct{}

func (noCache) Invalidate(context.Context, catalog.ID, int64) {}

// searchTexts are what people type, and what they had better not.
func searchTexts() []string {
	return []string{
		"copper lantern", "LAMP-1", "Café", "größe", "折叠椅", "हिन्दी", "Wi-Fi 3.5mm", "AT&T", "Men’s", "100%", "a/b",
		"the", "of the", "example.com/x?y=1", "mail@example.com", "1e5", "-12.5", "<b>bold</b>", "&amp;", "İstanbul", "ﬁn",
		"!!!", "a & b", "a | !b", "a <-> b", "a:*", "a:*ABCD", "'a'", "''", `a\`, `\'`, `"a b"`, "a -b", "(a", "%", "_", "a_%", "$1", "@x", ":x",
		"'; DROP TABLE products; --", "\x00", "a\x00b", "\xff", "\U0010FFFF", "😀", "👩‍👩‍👧", "a\u00a0b", "a\u3000b", "a\u200bb", "\u202eabc", "e\u0301",
		" a", "a\n", "",
	}
}

// Whatever the text is, a search is refused as invalid or answered: and who asks
// for the whole name of a product finds it.
func FuzzSearch(f *testing.F) {
	for _, text := range searchTexts() {
		f.Add(text)
	}
	s := migrated(f)
	c := catalog.New(s, noCache{}, time.Now)
	f.Fuzz(func(t *testing.T, text string) {
		ctx := t.Context()
		if _, err := s.Search(ctx, catalog.Search{Text: text, Limit: 1}); err != nil {
			t.Errorf("%q, which the catalog hasn't seen, fails the store: %v", text, err)
		}
		named, err := c.Create(ctx, catalog.Draft{SKU: "F-" + uuid.NewString(), Name: text, Currency: "EUR"})
		var invalid catalog.Invalid
		if errors.As(err, &invalid) {
			if matches, err := c.Search(ctx, catalog.Search{Text: text, Limit: 1}); err == nil {
				t.Errorf("%q can't be a name, but is searched for: %v", text, matches)
			} else if !errors.As(err, &invalid) {
				t.Errorf("%q can't be a name, and as a search is %v, want Invalid", text, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("name a product %q: %v", text, err)
		}
		defer func() {
			if err := c.Delete(context.Background(), named.ID, catalog.AnyVersion); err != nil {
				t.Errorf("delete it again: %v", err)
			}
		}()
		matches, err := c.Search(ctx, catalog.Search{Text: text, Limit: catalog.MaxPage})
		if err != nil {
			t.Fatalf("search %q: %v", text, err)
		}
		if hasWords(t, s, text) != (len(matches.Products) == 1) {
			t.Errorf("%q found %d products by their own name", text, len(matches.Products))
		}
	})
}

func hasWords(t *testing.T, s *store.Store, text string) (has bool) {
	t.Helper()
	if err := s.Pool().QueryRow(t.Context(), "SELECT product_query($1) IS NOT NULL", text).Scan(&has); err != nil {
		t.Fatalf("take words out of %q: %v", text, err)
	}
	return has
}

// A cursor may be made up: whatever is in it, a list is refused or answered.
func FuzzPosition(f *testing.F) {
	for i, text := range searchTexts() {
		f.Add(text, int64(i), []byte("0123456789abcdef"), byte(i))
	}
	f.Add("", int64(-1), []byte{}, byte(0))
	f.Add("lamp", int64(1)<<62, []byte{255}, byte(5))
	s := migrated(f)
	c := catalog.New(s, noCache{}, time.Now)
	if _, err := s.Create(context.Background(), aProduct("ONE", "One")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, price int64, id []byte, order byte) {
		orders := everyOrder()
		position := catalog.Position{Name: name, PriceMinor: price}
		copy(position.ID[:], id)
		_, err := c.List(t.Context(), catalog.Query{Sort: orders[int(order)%len(orders)], After: &position, Limit: 1})
		var invalid catalog.Invalid
		if err != nil && !errors.As(err, &invalid) {
			t.Errorf("after %+v: %v, want products or Invalid", position, err)
		}
		if err == nil && !utf8.ValidString(name) {
			t.Errorf("after the name %q, which isn't UTF-8, there is something", name)
		}
	})
}
