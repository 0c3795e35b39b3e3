package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/limits"
)

// documented is an operation as the OpenAPI document has it.
type documented struct {
	Name      string                     `json:"operationId"`
	Least     auth.Role                  `json:"x-least-role"`
	Security  []map[string][]string      `json:"security"`
	Responses map[string]json.RawMessage `json:"responses"`

	method, path string
}

// document reads the operations of the running service's own document.
func (s *service) document() (operations map[string]documented, text []byte) {
	s.t.Helper()
	answer := s.call("GET", "/openapi.json", "")
	answer.expect(s.t, 200, "Content-Type", "application/json")
	var document struct {
		OpenAPI string                           `json:"openapi"`
		Paths   map[string]map[string]documented `json:"paths"`
	}
	if err := json.Unmarshal([]byte(answer.text), &document); err != nil {
		s.t.Fatalf("read the document: %v", err)
	}
	if document.OpenAPI != "3.1.0" {
		s.t.Errorf("the document is of version %s", document.OpenAPI)
	}
	operations = map[string]documented{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			operation.method, operation.path = strings.ToUpper(method), path
			operations[operation.Name] = operation
		}
	}
	return operations, []byte(answer.text)
}

// exchange is a request that an operation answers well.
type exchange struct {
	method, path, body string
	headers            []string
	role               auth.Role
}

func (s *service) try(e exchange) answer {
	s.t.Helper()
	return s.call(e.method, e.path, e.body, s.as(e.role, e.headers...)...)
}

const unknownID = "01a20613-1950-798d-b43b-e4a07f126418"

// well gives a request for each operation that it answers well, on what is there
// by then. A new operation has to be added here.
func well(s *service) map[string]func() exchange {
	product := func() answer { return s.create("SKU-"+strconv.FormatInt(time.Now().UnixNano(), 36), "A lamp") }
	order := func() string {
		placed := s.try(placing(product().id(), "key-"+strconv.FormatInt(time.Now().UnixNano(), 36)))
		placed.expect(s.t, 201)
		return placed.id()
	}
	return map[string]func() exchange{
		"listProducts":   func() exchange { return exchange{"GET", "/api/v1/products?sort=-price&limit=2", "", nil, ""} },
		"searchProducts": func() exchange { product(); return exchange{"GET", "/api/v1/products/search?q=lamp", "", nil, ""} },
		"suggestProducts": func() exchange {
			product() // by the flags as they come, admins alone are in the experiment
			return exchange{"GET", "/api/v1/products/suggestions?q=lam", "", nil, auth.Admin}
		},
		"getProduct": func() exchange { return exchange{"GET", product().path(), "", nil, ""} },
		"createProduct": func() exchange {
			return exchange{"POST", "/api/v1/products", draft("NEW-"+strconv.FormatInt(time.Now().UnixNano(), 36), "New"), nil, auth.Editor}
		},
		"replaceProduct": func() exchange {
			there := product()
			return exchange{"PUT", there.path(), draft(there.body["sku"].(string), "Changed"), nil, auth.Editor}
		},
		"deleteProduct": func() exchange { return exchange{"DELETE", product().path(), "", nil, auth.Editor} },
		"placeOrder":    func() exchange { return placing(product().id(), "key-"+strconv.FormatInt(time.Now().UnixNano(), 36)) },
		"listOrders":    func() exchange { order(); return exchange{"GET", "/api/v1/orders?limit=5", "", nil, auth.Viewer} },
		"getOrder":      func() exchange { return exchange{"GET", "/api/v1/orders/" + order(), "", nil, auth.Viewer} },
		"cancelOrder": func() exchange {
			return exchange{"POST", "/api/v1/orders/" + order() + "/cancel", "", nil, auth.Viewer}
		},
		"whoAmI":         func() exchange { return exchange{"GET", "/api/v1/me", "", nil, auth.Viewer} },
		"listObjectives": func() exchange { return exchange{"GET", "/api/v1/objectives", "", nil, auth.Viewer} },
		"listFlags":      func() exchange { return exchange{"GET", "/api/v1/admin/flags", "", nil, auth.Admin} },
		"setFlagOverride": func() exchange {
			return exchange{"PUT", "/api/v1/admin/flags/product-cache/override", `{"value":false,"reason":"a test","seconds":60}`, nil, auth.Admin}
		},
		"clearFlagOverride": func() exchange {
			return exchange{"DELETE", "/api/v1/admin/flags/product-cache/override", "", nil, auth.Admin}
		},
		"listDeadLetters": func() exchange { return exchange{"GET", "/api/v1/admin/dead-letters", "", nil, auth.Admin} },
		"requeueDeadLetter": func() exchange {
			return exchange{"POST", "/api/v1/admin/dead-letters/" + s.parts.deadLetter(s.t) + "/requeue", "", nil, auth.Admin}
		},
		"listAudit": func() exchange { return exchange{"GET", "/api/v1/admin/audit?limit=5", "", nil, auth.Admin} },
	}
}

func placing(product, key string) exchange {
	return exchange{"POST", "/api/v1/orders", `{"lines":[{"product_id":"` + product + `","quantity":1}]}`, []string{"Idempotency-Key", key}, auth.Viewer}
}

// provoke gives the request that an operation answers with a status, made from
// one that it answers well; false if nothing here knows how to.
func provoke(s *service, name string, status int, good exchange) (exchange, bool) {
	e := good
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return e, true
	case http.StatusNotModified:
		e.headers = []string{"If-None-Match", "*"}
	case http.StatusBadRequest:
		e.path += map[bool]string{true: "&", false: "?"}[strings.Contains(e.path, "?")] + "nonsense=1"
	case http.StatusUnauthorized:
		e.role, e.headers = "", append(slices.Clone(e.headers), "Authorization", "Bearer nonsense")
	case http.StatusForbidden:
		e.role = auth.Viewer
		if name == "listOrders" {
			e.path += "&owner=somebody"
		}
	case http.StatusNotFound:
		switch name {
		case "setFlagOverride", "clearFlagOverride":
			e.path = strings.Replace(e.path, "product-cache", "no-such-flag", 1)
		case "requeueDeadLetter":
			e.path = "/api/v1/admin/dead-letters/999999999/requeue"
		case "suggestProducts":
			e.role = auth.Viewer
		case "cancelOrder":
			e.path = "/api/v1/orders/" + unknownID + "/cancel"
		default:
			e.path = e.path[:strings.LastIndexByte(e.path, '/')+1] + unknownID
		}
	case http.StatusConflict:
		if name == "cancelOrder" {
			id := strings.Split(e.path, "/")[4]
			s.parts.confirm(s.t, id)
			return e, true
		}
		e.body = draft(s.create("TAKEN-"+strconv.FormatInt(time.Now().UnixNano(), 36), "There").body["sku"].(string), "New")
	case http.StatusPreconditionFailed:
		e.headers = []string{"If-Match", `"99"`}
	case http.StatusRequestEntityTooLarge:
		e.body = `{"name":"` + strings.Repeat("x", 70_000) + `"}`
	case http.StatusUnsupportedMediaType:
		e.headers = append(slices.Clone(e.headers), "Content-Type", "text/plain")
	case http.StatusUnprocessableEntity:
		e.body = `{}`
	default:
		return e, false
	}
	return e, true
}

// TestEveryDocumentedStatusIsAnswered sends, for each operation and each status
// that the document has of it, a request that is answered so, and holds each
// answer to the document.
func TestEveryDocumentedStatusIsAnswered(t *testing.T) {
	s := start(t, nil)
	operations, text := s.document()
	requests := well(s)
	if extra := slices.DeleteFunc(slices.Collect(maps.Keys(requests)), func(name string) bool { _, has := operations[name]; return has }); len(extra) > 0 {
		t.Errorf("the document lacks %v", extra)
	}
	check := checker(t, text)
	trouble := map[int]*service{
		http.StatusTooManyRequests:     start(t, strict(t)),
		http.StatusInternalServerError: start(t, func(o *api.Options) { o.Verifier = panicking{} }),
		http.StatusServiceUnavailable:  start(t, nil),
	}
	trouble[http.StatusServiceUnavailable].issuer.Down() // before it was asked for a key
	for name, operation := range operations {
		if requests[name] == nil {
			t.Errorf("no test sends %s: add it to well", name)
			continue
		}
		for code := range operation.Responses {
			status, err := strconv.Atoi(code)
			if err != nil {
				t.Errorf("%s documents the status %s", name, code)
				continue
			}
			t.Run(name+"/"+code, func(t *testing.T) {
				e := requests[name]()
				if e.role == "" && (status == 500 || status == 503) {
					e.role = auth.Viewer // a token brings the verifier in
				}
				if to := trouble[status]; to != nil {
					check(t, to, e, status)
					return
				}
				e, known := provoke(s, name, status, e)
				if !known {
					t.Fatalf("nothing here is answered with %d", status)
				}
				check(t, s, e, status)
			})
		}
	}
}

// checker sends a request and holds its answer to the document.
func checker(t *testing.T, text []byte) func(t *testing.T, s *service, e exchange, status int) {
	t.Helper()
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatalf("read the document: %v", err)
	}
	check, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatalf("read the document: %v", errors.Join(errs...))
	}
	if valid, broken := check.ValidateDocument(); !valid {
		for _, one := range broken {
			t.Errorf("the document: %s: %s", one.Message, one.Reason)
		}
	}
	return func(t *testing.T, s *service, e exchange, status int) {
		t.Helper()
		got := s.try(e)
		for range 3 { // until a limit is used up
			if got.status == status || status != http.StatusTooManyRequests {
				break
			}
			got = s.try(e)
		}
		got.expect(t, status)
		if status >= 400 && got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d is answered with %s", status, got.header.Get("Content-Type"))
		}
		request, err := http.NewRequestWithContext(context.Background(), e.method, s.url+e.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response := &http.Response{StatusCode: got.status, Header: got.header, Body: io.NopCloser(bytes.NewBufferString(got.text)), Request: request}
		if valid, broken := check.ValidateHttpResponse(request, response); !valid {
			for _, one := range broken {
				t.Errorf("the answer isn't as documented: %s: %s\n%s", one.Message, one.Reason, got.text)
			}
		}
	}
}

// strict lets one request of a client through, and then one in a minute.
func strict(t *testing.T) func(*api.Options) {
	rate := limits.Rate{Requests: 1, Per: time.Minute, Burst: 1}
	limiter, err := limits.NewLimiter(limits.LimiterOptions{
		Rates:      map[limits.Class]limits.Rate{limits.Read: rate, limits.Write: rate, limits.AuthFailure: {Requests: 100, Per: time.Second, Burst: 100}},
		MaxClients: 100, Observer: unwatched{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *api.Options) { o.Admission.Limiter = limiter }
}

type unwatched struct{}

func (unwatched) Limited(string, limits.Source, bool)  {}
func (unwatched) LeaseTaken(time.Duration, error)      {}
func (unwatched) LimiterUp(bool)                       {}
func (unwatched) Shed(limits.Lane, limits.Reason)      {}
func (unwatched) Concurrency(lane limits.Lane, at int) {}

type panicking struct{}

func (panicking) Verify(context.Context, string) (auth.Principal, error) { panic("secret detail") }

// TestTheDocumentNamesThePolicy holds what the document says of roles to the policy.
func TestTheDocumentNamesThePolicy(t *testing.T) {
	operations, _ := start(t, nil).document()
	policy := auth.Operations()
	for name, operation := range operations {
		least, known := policy[name]
		if !known || operation.Least != least {
			t.Errorf("%s needs %q by the document, %q by the policy", name, operation.Least, least)
		}
		if open := len(operation.Security) == 0; open != (least == auth.Anonymous) {
			t.Errorf("%s has the security %v", name, operation.Security)
		}
	}
	if len(operations) != len(policy) {
		t.Errorf("the document has %d operations, the policy %d", len(operations), len(policy))
	}
}
