package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/limits"
)

// TestNoOperationCanBeUsedBelowItsRole tries every operation of the document as
// everybody who may not: a new operation is tried with no test of its own.
func TestNoOperationCanBeUsedBelowItsRole(t *testing.T) {
	s := start(t, nil)
	s.call("PUT", "/api/v1/admin/flags/experimental-search/override", `{"value":true,"reason":"a test","seconds":600}`, s.as(auth.Admin)...).expect(t, 200)
	operations, _ := s.document()
	requests := well(s)
	for name, operation := range operations {
		for _, role := range []auth.Role{auth.Anonymous, auth.Viewer, auth.Editor, auth.Admin} {
			e := requests[name]()
			e.role = role
			got := s.try(e)
			switch {
			case role.Allows(operation.Least):
				if got.status >= 400 && name != "getOrder" && name != "cancelOrder" { // somebody else's: tried below
					t.Errorf("%s as %q: %d %s", name, role, got.status, got.text)
				}
			case role == auth.Anonymous:
				got.expectProblem(t, 401, "unauthenticated", "Authorization")
				if got.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: no WWW-Authenticate", name)
				}
			default:
				got.expectProblem(t, 403, "forbidden", "")
				if !strings.Contains(got.header.Get("WWW-Authenticate"), "insufficient_scope") {
					t.Errorf("%s as %s: WWW-Authenticate %q", name, role, got.header.Get("WWW-Authenticate"))
				}
			}
		}
		for _, trick := range []struct{ name, method, path string }{
			{"another method's case", strings.ToLower(operation.method), ""},
			{"a double slash", operation.method, "/" + operation.path},
			{"a dot segment", operation.method, "/x/.." + operation.path},
			{"an encoded slash", operation.method, strings.Replace(operation.path, "/v1/", "/v1%2f", 1)},
			{"a path parameter", operation.method, operation.path + ";role=admin"},
		} {
			if operation.Least == auth.Anonymous {
				continue
			}
			path := strings.NewReplacer("{id}", unknownID, "{key}", "product-cache").Replace(trick.path)
			if path == "" {
				path = strings.NewReplacer("{id}", unknownID, "{key}", "product-cache").Replace(operation.path)
			}
			if got := s.call(trick.method, path, ""); got.status < 400 {
				t.Errorf("%s by %s: %d %s", name, trick.name, got.status, got.text)
			}
		}
	}
}

// TestHeadersDoNotMakeARole tries what careless services believe.
func TestHeadersDoNotMakeARole(t *testing.T) {
	s := start(t, nil)
	for _, headers := range [][]string{
		{"X-Role", "admin"}, {"X-User", "a-admin"}, {"X-Forwarded-User", "a-admin"}, {"X-Original-URL", "/healthz"},
		{"X-HTTP-Method-Override", "GET"}, {"X-Forwarded-Prefix", "/healthz"}, {"Cookie", "token=" + s.tokens[auth.Admin]},
		{"X-Access-Token", s.tokens[auth.Admin]}, {"Proxy-Authorization", "Bearer " + s.tokens[auth.Admin]},
	} {
		s.call("GET", "/api/v1/admin/flags", "", headers...).expectProblem(t, 401, "unauthenticated", "Authorization")
	}
	s.call("GET", "/api/v1/admin/flags?access_token="+s.tokens[auth.Admin], "").expectProblem(t, 401, "unauthenticated", "Authorization")
	twice, err := http.NewRequest(http.MethodGet, s.url+"/api/v1/admin/flags", nil)
	if err != nil {
		t.Fatal(err)
	}
	twice.Header["Authorization"] = []string{"Bearer " + s.tokens[auth.Viewer], "Bearer " + s.tokens[auth.Admin]}
	s.send(twice).expectProblem(t, 401, "invalid-token", "Authorization")
}

func TestForgedTokensAreRefusedEverywhere(t *testing.T) {
	s := start(t, nil)
	for _, forgery := range s.issuer.Forgeries(t) {
		if !forgery.Sendable() || strings.TrimSpace(forgery.Token) != forgery.Token { // HTTP takes spaces around off
			continue
		}
		for _, path := range []string{"/api/v1/products", "/api/v1/me", "/api/v1/admin/flags"} {
			request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header["Authorization"] = []string{"Bearer " + forgery.Token}
			got := s.send(request)
			if got.status != 401 && got.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s at %s: %d %s", forgery.Name, path, got.status, got.text)
			}
			if len(forgery.Token) > 8 && strings.Contains(got.text, forgery.Token) {
				t.Errorf("%s: the answer repeats the token", forgery.Name)
			}
		}
	}
	for _, line := range s.logs.All() {
		if text := fmt.Sprint(line.ContextMap(), line.Message); strings.Contains(text, "eyJ") {
			t.Errorf("a token is logged: %s", text)
		}
	}
}

// TestOthersOrdersAreNotThere tries every way to an order that is somebody else's.
func TestOthersOrdersAreNotThere(t *testing.T) {
	s := start(t, nil)
	product := s.create("OWNED", "Owned")
	placed := s.try(placing(product.id(), "mine"))
	placed.expect(t, 201)
	path := "/api/v1/orders/" + placed.id()
	s.call("GET", path, "", s.as(auth.Editor)...).expectProblem(t, 404, "order-not-found", "id")
	s.call("POST", path+"/cancel", "", s.as(auth.Editor)...).expectProblem(t, 404, "order-not-found", "id")
	for _, query := range []string{"", "?status=placed", "?owner=a-editor"} {
		if got := s.call("GET", "/api/v1/orders"+query, "", s.as(auth.Editor)...); strings.Contains(got.text, placed.id()) || got.status != 200 {
			t.Errorf("orders%s of somebody else: %d %s", query, got.status, got.text)
		}
	}
	s.call("GET", "/api/v1/orders?owner=a-viewer", "", s.as(auth.Editor)...).expectProblem(t, 403, "forbidden", "")
	// The same key is another order, for another owner.
	other := placing(product.id(), "mine")
	other.role = auth.Editor
	if got := s.try(other); got.status != 201 || got.id() == placed.id() || got.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("another's key gives %d %s", got.status, got.text)
	}
	s.call("GET", path, "", s.as(auth.Viewer)...).expect(t, 200)
	s.call("GET", path, "", s.as(auth.Admin)...).expect(t, 200)
}

func TestSearchTextIsNeverAnOperator(t *testing.T) {
	s := start(t, nil)
	s.create("PLAIN-1", "Plain lamp")
	s.create("OTHER-1", "Other bowl")
	for _, text := range []string{
		`'; DROP TABLE products; --`, `lamp' OR '1'='1`, `lamp & !bowl`, `lamp | bowl`, `!zzz`, `lamp:*`, `%`, `_`, `\`, `\%`, `"`, `"lamp`, `(`, `)`, `<->`,
		`lamp <-> bowl`, `*`, `:`, `'lamp`, `🙂`, `lamp\`, `' || pg_sleep(5) || '`, `${jndi:ldap://127.0.0.1/x}`, `<script>`, `{{7*7}}`, `../../etc/passwd`,
	} {
		began := time.Now()
		got := s.call("GET", "/api/v1/products/search?q="+url.QueryEscape(text), "")
		if got.status != 200 && got.status != 400 {
			t.Errorf("%q: %d %s", text, got.status, got.text)
		}
		if items, _ := got.body["items"].([]any); len(items) > 1 {
			t.Errorf("%q finds everything: %s", text, got.text)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%q sleeps: %s", text, took)
		}
	}
	if got := s.call("GET", "/api/v1/products", ""); len(got.body["items"].([]any)) != 2 {
		t.Errorf("something is gone: %s", got.text)
	}
}

// TestOnlyTrustedProxiesTellTheAddress sends lists of addresses as an attacker would.
func TestOnlyTrustedProxiesTellTheAddress(t *testing.T) {
	proxies, err := limits.NewProxies(limits.ProxyOptions{Trusted: []string{"127.0.0.1", "10.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	trusting := func(o *api.Options) { o.Admission.Proxies = proxies }
	for name, test := range map[string]struct {
		change func(*api.Options)
		lists  []string
		want   string
	}{
		"nobody is trusted":           {nil, []string{"203.0.113.7"}, "127.0.0.1"},
		"the proxy's word":            {trusting, []string{"203.0.113.7"}, "203.0.113.7"},
		"what the client wrote first": {trusting, []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"two headers":                 {trusting, []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"through two proxies":         {trusting, []string{"198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		"tabs and empty elements":     {trusting, []string{"198.51.100.1,\t, 203.0.113.7\t,"}, "203.0.113.7"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, test.change)
			request, err := http.NewRequest(http.MethodGet, s.url+"/api/v1/products", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header["X-Forwarded-For"] = test.lists
			request.Header.Set("X-Request-Id", "addressed")
			s.send(request).expect(t, 200)
			if got := s.seen.of(t, "addressed").Address; got != test.want {
				t.Errorf("the address is taken to be %s, want %s", got, test.want)
			}
		})
	}
	s := start(t, trusting)
	s.call("GET", "/api/v1/products", "", "X-Forwarded-For", "203.0.113.7, unknown").expectProblem(t, 400, "invalid-parameter", "X-Forwarded-For")
}

// TestRateLimitsCannotBeEvaded counts what gets through under many disguises.
func TestRateLimitsCannotBeEvaded(t *testing.T) {
	for name, disguise := range map[string]func(s *service, i int) []string{
		"spoofed addresses": func(_ *service, i int) []string { return []string{"X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)} },
		"several lists":     func(_ *service, i int) []string { return []string{"Forwarded", fmt.Sprintf("for=203.0.113.%d", i)} },
		"other agents": func(_ *service, i int) []string {
			return []string{"User-Agent", fmt.Sprint(i), "Accept-Language", fmt.Sprint(i)}
		},
		"new tokens, same subject": func(s *service, i int) []string { return []string{"Authorization", "Bearer " + s.fresh(i)} },
		"another address, same subject": func(s *service, i int) []string {
			return s.as(auth.Viewer, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, strict(t))
			let := 0
			for i := range 20 {
				got := s.call("GET", "/api/v1/products", "", disguise(s, i)...)
				switch got.status {
				case 200:
					let++
				case 429:
					if got.header.Get("Retry-After") == "" || got.header.Get("RateLimit-Limit") != "1" || got.header.Get("RateLimit-Remaining") != "0" {
						t.Fatalf("429 with %v", got.header)
					}
				default:
					t.Fatalf("%d %s", got.status, got.text)
				}
			}
			if let != 1 {
				t.Errorf("%d requests got through, want 1", let)
			}
		})
	}
}

// TestRefusedTokensAreThrottled keeps an address from guessing on.
func TestRefusedTokensAreThrottled(t *testing.T) {
	rates := limits.DefaultRates()
	rates[limits.AuthFailure] = limits.Rate{Requests: 1, Per: time.Minute, Burst: 3}
	limiter, err := limits.NewLimiter(limits.LimiterOptions{Rates: rates, MaxClients: 10, Observer: unwatched{}})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *api.Options) { o.Admission.Limiter = limiter })
	var statuses []int
	for i := range 6 {
		statuses = append(statuses, s.call("GET", "/api/v1/me", "", "Authorization", fmt.Sprint("Bearer guess", i)).status)
	}
	if fmt.Sprint(statuses) != "[401 401 401 429 429 429]" {
		t.Errorf("guesses are answered with %v", statuses)
	}
	s.call("GET", "/api/v1/products", "").expect(t, 200) // who doesn't guess is served
}
