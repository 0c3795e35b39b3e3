package rpc

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

func FuzzPageToken(f *testing.F) {
	asked := &pocctlv1.ListProductsRequest{Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME}
	at := catalog.Position{Name: "Lamp \u00e9\u2028", PriceMinor: 7, ID: uuid.MustParse("01a20613-1950-798d-b43b-e4a07f126418")}
	good, err := nextToken(asked, at)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Add("AAAA")
	f.Add(good + "\n")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"f":1,"q":0,"a":{"ID":null}} {}`)))
	f.Fuzz(func(t *testing.T, token string) {
		place, err := placeOf[catalog.Position](&pocctlv1.ListProductsRequest{Sort: asked.GetSort(), PageToken: token, PageSize: 3})
		if err != nil {
			var refused *refusal
			if !errors.As(err, &refused) || refused.reason != reasonParameter {
				t.Fatalf("%q is refused with %v, which would be answered with INTERNAL", token, err)
			}
			return
		}
		if token == "" {
			return
		}
		again, err := nextToken(asked, *place)
		if err != nil {
			t.Fatalf("%q is taken, but can't be given: %v", token, err)
		}
		same, err := placeOf[catalog.Position](&pocctlv1.ListProductsRequest{Sort: asked.GetSort(), PageToken: again})
		if err != nil || cmp.Diff(place, same) != "" {
			t.Errorf("%q is taken as %+v, and that as %+v (%v)", token, place, same, err)
		}
	})
}

func FuzzRequestID(f *testing.F) {
	for _, id := range []string{"", "a", "A-b_c.9", "a b", "a\"", "ä", "a\n"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if !acceptable(id) {
			return
		}
		if len(id) == 0 || len(id) > 128 {
			t.Errorf("%d bytes are taken", len(id))
		}
		for _, r := range id {
			if r <= ' ' || r >= 0x7f || r == '"' || r == '\\' || r == '{' {
				t.Errorf("%q is taken, with %q", id, r)
			}
		}
	})
}
