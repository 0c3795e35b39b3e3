package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
)

func TestBadRequestsAreRefusedByNameOfTheField(t *testing.T) {
	s := start(t, nil)
	there := s.create("TAKEN", "There")
	with := func(from, to string) string { return strings.Replace(draft("NEW", "New"), from, to, 1) }
	const products = "/api/v1/products"
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code, field        string
	}{
		"no body":              {"POST", products, "", []string{"Content-Type", "application/json"}, 400, "malformed-body", ""},
		"no content type":      {"POST", products, draft("NEW", "New"), []string{"Content-Type", ""}, 415, "unsupported-media-type", "Content-Type"},
		"a form":               {"POST", products, "sku=NEW", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported-media-type", "Content-Type"},
		"not JSON":             {"POST", products, "sku: NEW", nil, 400, "malformed-body", ""},
		"an array":             {"POST", products, "[]", nil, 400, "malformed-body", ""},
		"null":                 {"POST", products, "null", nil, 400, "malformed-body", ""},
		"cut short":            {"POST", products, `{"sku":"NEW","name"`, nil, 400, "malformed-body", ""},
		"cut before the brace": {"POST", products, `{"sku":"NEW"`, nil, 400, "malformed-body", ""},
		"two objects":          {"POST", products, draft("NEW", "New") + "{}", nil, 400, "malformed-body", ""},
		"not UTF-8":            {"POST", products, with("Fine.", "\xff"), nil, 400, "malformed-body", ""},
		"unknown field":        {"POST", products, with(`"stock":`, `"stok":`), nil, 400, "unknown-field", "stok"},
		"field in other case":  {"POST", products, with(`"sku":`, `"SKU":`), nil, 400, "unknown-field", "SKU"},
		"field not the user's": {"POST", products, with(`{`, `{"id":"1",`), nil, 400, "unknown-field", "id"},
		"field twice":          {"POST", products, with(`{`, `{"stock":1,`), nil, 400, "duplicate-field", "stock"},
		"number for text":      {"POST", products, with(`"New"`, `5`), nil, 400, "wrong-type", "name"},
		"text for number":      {"POST", products, with(`1999`, `"19.99"`), nil, 400, "wrong-type", "price_minor"},
		"fraction":             {"POST", products, with(`1999`, `19.99`), nil, 400, "wrong-type", "price_minor"},
		"number too large":     {"POST", products, with(`1999`, `99999999999999999999`), nil, 422, "invalid-value", "price_minor"},
		"object for text":      {"POST", products, with(`"Fine."`, `{"en":"Fine."}`), nil, 400, "wrong-type", "description"},
		"null for text":        {"POST", products, with(`"Fine."`, `null`), nil, 400, "wrong-type", "description"},
		"null for number":      {"POST", products, with(`7}`, `null}`), nil, 400, "wrong-type", "stock"},
		"body too large":       {"POST", products, with("Fine.", strings.Repeat("x", 70_000)), nil, 413, "body-too-large", ""},
		"no sku":               {"POST", products, with(`"sku":"NEW",`, ``), nil, 422, "invalid-value", "sku"},
		"no price":             {"POST", products, with(`"price_minor":1999,`, ``), nil, 422, "invalid-value", "price_minor"},
		"empty object":         {"POST", products, `{}`, nil, 422, "invalid-value", "currency"},
		"bad sku":              {"POST", products, draft("a b", "New"), nil, 422, "invalid-value", "sku"},
		"bad name":             {"POST", products, draft("NEW", " "), nil, 422, "invalid-value", "name"},
		"long description":     {"POST", products, with("Fine.", strings.Repeat("x", 4001)), nil, 422, "invalid-value", "description"},
		"NUL":                  {"POST", products, with("Fine.", `\u0000`), nil, 422, "invalid-value", "description"},
		"negative price":       {"POST", products, with("1999", "-1"), nil, 422, "invalid-value", "price_minor"},
		"bad currency":         {"POST", products, with("EUR", "eur"), nil, 422, "invalid-value", "currency"},
		"negative stock":       {"POST", products, with("7}", "-7}"), nil, 422, "invalid-value", "stock"},
		"sku taken":            {"POST", products, draft("taken", "New"), nil, 409, "sku-taken", "sku"},
		"replace: unknown":     {"PUT", there.path(), with(`"stock":`, `"stok":`), nil, 400, "unknown-field", "stok"},
		"replace: missing":     {"PUT", there.path(), `{"name":"New"}`, nil, 422, "invalid-value", "currency"},
		"replace: bad id":      {"PUT", products + "/7", draft("NEW", "New"), nil, 400, "invalid-parameter", "id"},
		"delete: bad id":       {"DELETE", products + "/7", "", nil, 400, "invalid-parameter", "id"},
		"read: bad id":         {"GET", products + "/7", "", nil, 400, "invalid-parameter", "id"},
		"read: id in braces":   {"GET", products + "/{" + there.id() + "}", "", nil, 400, "invalid-parameter", "id"},
		"read: unknown id":     {"GET", products + "/01a20613-1950-798d-b43b-e4a07f126418", "", nil, 404, "product-not-found", "id"},
		"list: limit 0":        {"GET", products + "?limit=0", "", nil, 400, "invalid-parameter", "limit"},
		"list: limit 101":      {"GET", products + "?limit=101", "", nil, 400, "invalid-parameter", "limit"},
		"list: limit text":     {"GET", products + "?limit=ten", "", nil, 400, "invalid-parameter", "limit"},
		"list: cursor":         {"GET", products + "?cursor=AAAA", "", nil, 400, "invalid-parameter", "cursor"},
		"search: no query":     {"GET", products + "/search", "", nil, 400, "invalid-parameter", "q"},
		"search: long query":   {"GET", products + "/search?q=" + strings.Repeat("x", 201), "", nil, 400, "invalid-parameter", "q"},
		"search: NUL":          {"GET", products + "/search?q=%00", "", nil, 400, "invalid-parameter", "q"},
		"search: limit":        {"GET", products + "/search?q=a&limit=-1", "", nil, 400, "invalid-parameter", "limit"},
		"no such route":        {"GET", "/api/v2/products", "", nil, 404, "no-such-route", ""},
		"trailing slash":       {"GET", products + "/", "", nil, 404, "no-such-route", ""},
		"no such method":       {"PATCH", there.path(), "{}", nil, 405, "method-not-allowed", ""},
		"made-up method":       {"BREW", products, "", nil, 405, "method-not-allowed", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.edit(test.method, test.path, test.body, test.headers...).expectProblem(t, test.status, test.code, test.field)
		})
	}
	if after := s.call("GET", "/api/v1/products", ""); len(after.body["items"].([]any)) != 1 {
		t.Errorf("a refused request left something: %s", after.text)
	}
}

func TestEveryBrokenRuleIsListed(t *testing.T) {
	s := start(t, nil)
	answer := s.edit("POST", "/api/v1/products", `{"sku":"","name":"","price_minor":-1,"currency":"","stock":-1}`)
	got := map[any]bool{}
	for _, broken := range answer.body["errors"].([]any) {
		got[broken.(map[string]any)["field"]] = true
	}
	want := map[any]bool{"sku": true, "name": true, "price_minor": true, "currency": true, "stock": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestAllowSaysWhatAPathTakes(t *testing.T) {
	s := start(t, nil)
	got := s.call("PATCH", "/api/v1/products", "").header.Get("Allow")
	for _, method := range []string{"GET", "HEAD", "POST"} {
		if !strings.Contains(got, method) {
			t.Errorf("Allow: %s, want %s in it", got, method)
		}
	}
}

// broken is a catalog whose reads end as the test says.
type broken struct {
	api.Catalog
	get func(context.Context) error
}

func (b broken) Get(ctx context.Context, _ catalog.ID) (catalog.Product, error) {
	return catalog.Product{}, b.get(ctx)
}

// List is called on the request's own goroutine.
func (b broken) List(ctx context.Context, _ catalog.Query) (catalog.Page, error) {
	return catalog.Page{}, b.get(ctx)
}

func TestFailuresAreOursToExplain(t *testing.T) {
	tests := map[string]struct {
		get    func(context.Context) error
		status int
		code   string
		retry  string
	}{
		"store away": {func(context.Context) error { return fmt.Errorf("read: %w", catalog.ErrUnavailable) }, 503, "store-unavailable", "1"},
		"deadline":   {func(context.Context) error { return context.DeadlineExceeded }, 503, "store-unavailable", "1"},
		"unexpected": {func(context.Context) error { return errors.New("secret detail") }, 500, "internal", ""},
		"panic":      {func(context.Context) error { panic("secret detail") }, 500, "internal", ""},
	}
	for name, test := range tests {
		for _, path := range []string{"/api/v1/products", "/api/v1/products/01a20613-1950-798d-b43b-e4a07f126418"} {
			t.Run(name+path, func(t *testing.T) {
				s := start(t, func(o *api.Options) { o.Catalog = broken{o.Catalog, test.get} })
				answer := s.call("GET", path, "", "X-Request-Id", "find-me")
				answer.expectProblem(t, test.status, test.code, "")
				answer.expect(t, test.status, "Retry-After", test.retry, "X-Request-Id", "find-me")
				if strings.Contains(answer.text, "secret") {
					t.Errorf("the cause is told to the client: %s", answer.text)
				}
				if outcome := s.seen.of(t, "find-me"); outcome.Err == nil || outcome.Status != test.status {
					t.Errorf("the observer is told of %d and the cause %v", outcome.Status, outcome.Err)
				}
				s.call("GET", "/healthz", "").expect(t, 200)
			})
		}
	}
}

var _ api.Cache = (*cache.Cache)(nil)
