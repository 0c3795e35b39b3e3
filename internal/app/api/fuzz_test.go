package api

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

func FuzzDecodeDraft(f *testing.F) {
	f.Add([]byte(`{"sku":"A","name":"B","price_minor":1,"currency":"EUR","stock":2,"description":"C"}`))
	f.Add([]byte(`{"sku":"A","sku":"B"}`))
	f.Add([]byte(`{"sku":null}`))
	f.Add([]byte(`[{}]`))
	f.Add([]byte(`{"stock":1e3}`))
	f.Add([]byte(`{"name":"\ud800"} x`))
	f.Fuzz(func(t *testing.T, body []byte) {
		draft, err := decodeDraft(body)
		if err != nil {
			var refused *problem
			var invalid catalog.Invalid
			if !errors.As(err, &refused) && !errors.As(err, &invalid) {
				t.Fatalf("%q is refused with %T, which would be answered with 500", body, err)
			}
			return
		}
		// What is accepted is what encoding/json reads, too.
		var loose struct {
			SKU   string `json:"sku"`
			Name  string `json:"name"`
			Price int64  `json:"price_minor"`
			Stock int64  `json:"stock"`
		}
		if err := json.Unmarshal(body, &loose); err != nil {
			t.Fatalf("%q is accepted, but isn't JSON: %v", body, err)
		}
		if loose.SKU != draft.SKU || loose.Name != draft.Name || loose.Price != draft.PriceMinor || loose.Stock != draft.Stock {
			t.Errorf("%q is read as %+v, want %+v", body, draft, loose)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(encodeCursor(uuid.MustParse("01a20613-1950-798d-b43b-e4a07f126418")))
	f.Add("")
	f.Add("AAAA")
	f.Add("AQ\nGb")
	f.Fuzz(func(t *testing.T, cursor string) {
		after, err := decodeCursor(cursor)
		if err == nil && cursor != "" && encodeCursor(after) != cursor {
			t.Errorf("%q is taken, but isn't what was given for %s", cursor, after)
		}
	})
}

func FuzzExpectedVersion(f *testing.F) {
	for _, header := range []string{"", "*", `"1"`, `W/"1"`, `"9223372036854775808"`, `""`, `"+1"`} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		version, err := expectedVersion(header)
		if err == nil && version != catalog.AnyVersion && !unchanged(header, version) {
			t.Errorf("If-Match %q is taken as version %d, but isn't its tag", header, version)
		}
	})
}
