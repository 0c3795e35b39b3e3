package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

func FuzzReadBody(f *testing.F) {
	for _, body := range []string{
		`{"sku":"A","name":"B","price_minor":1,"currency":"EUR","stock":2,"description":"C"}`,
		`{"sku":"A","sku":"B"}`, `{"sku":null}`, `[{}]`, `{"stock":1e3}`, `{"name":"\ud800"} x`, `{"SKU":"A"}`,
	} {
		f.Add([]byte(body))
	}
	format := strictJSON()
	f.Fuzz(func(t *testing.T, body []byte) {
		var read Draft
		if err := format.Unmarshal(body, &read); err != nil {
			broken, ok := parseBodyError(err.Error())
			if !ok || broken.detail == "" || rank(broken.code) < 0 {
				t.Fatalf("%q is refused with %q, which has no code", body, err)
			}
			if len([]rune(broken.field)) > 65 {
				t.Fatalf("%q fills the answer: %q", body, broken.field)
			}
			return
		}
		// What is accepted is what encoding/json reads, too.
		var loose Draft
		if err := json.Unmarshal(body, &loose); err != nil {
			t.Fatalf("%q is accepted, but isn't JSON: %v", body, err)
		}
		if bytes.EqualFold(body, bytes.ToLower(body)) && loose != read && !strings.Contains(strings.ToLower(string(body)), "sku") {
			t.Errorf("%q is read as %+v, want %+v", body, read, loose)
		}
	})
}

func FuzzCursor(f *testing.F) {
	id := uuid.MustParse("01a20613-1950-798d-b43b-e4a07f126418")
	for _, sort := range []string{"created", "-name", "price"} {
		f.Add(encodePosition(catalog.Position{Name: "Lamp", PriceMinor: 5, ID: id}, sortOf(sort)), sort)
	}
	f.Add("", "name")
	f.Add("AAAA", "price")
	f.Add(encodeOffset(40), "created")
	f.Fuzz(func(t *testing.T, cursor, sort string) {
		at, err := decodePosition(cursor, sortOf(sort))
		if err == nil && at != nil {
			again, err := decodePosition(encodePosition(*at, sortOf(sort)), sortOf(sort))
			if err != nil || again.ID != at.ID {
				t.Errorf("%q is taken as %+v, but not what is made of that: %+v, %v", cursor, at, again, err)
			}
		}
		if offset, err := decodeOffset(cursor); err == nil && cursor != "" && encodeOffset(offset) != cursor {
			t.Errorf("%q is taken, but isn't what was given for %d", cursor, offset)
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
