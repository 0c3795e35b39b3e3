// Package shoptest is a stand-in for the service's API, for tests of what calls
// it: in memory, with a cache that can be seen, and with faults on demand.
package shoptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Shop is the API. Its fields may be set before the first request.
type Shop struct {
	// URL is the API's base, ending in /api/v1; Root is the server's.
	URL, Root string
	// Ready is what /readyz says.
	Ready string
	// NoCache has every read miss.
	NoCache bool
	// Token is the bearer token that all but reading products needs; empty takes
	// everybody.
	Token string
	// Orders is how an order ends up, read after read: placed, then this; it is
	// "confirmed" if empty. Reason is why it is rejected.
	Orders, Reason string
	// Fault, if it gives a status, has the request answered with it.
	Fault func(*http.Request) int

	mu       sync.Mutex
	products map[string]map[string]any
	cached   map[string]bool
	orders   map[string]*order // by Idempotency-Key
	next     int
	requests []string
}

// ReadyAtHead is what a service at its newest migration answers on /readyz.
const ReadyAtHead = `{"status":"ready","database":{"status":"ok"},"migrations":{"status":"ok","current":2,"head":2},"cache":{"status":"ok"}}`

// New starts a shop that ends with the test.
func New(t *testing.T) *Shop {
	shop := &Shop{Ready: ReadyAtHead, products: map[string]map[string]any{}, cached: map[string]bool{}, orders: map[string]*order{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, shop.Ready) })
	mux.HandleFunc("POST /api/v1/products", shop.create)
	mux.HandleFunc("GET /api/v1/products/search", shop.search)
	mux.HandleFunc("GET /api/v1/products/{id}", shop.read)
	mux.HandleFunc("PUT /api/v1/products/{id}", shop.replace)
	mux.HandleFunc("DELETE /api/v1/products/{id}", shop.remove)
	mux.HandleFunc("POST /api/v1/orders", shop.place)
	mux.HandleFunc("GET /api/v1/orders/{id}", shop.readOrder)
	mux.HandleFunc("POST /api/v1/orders/{id}/cancel", shop.cancel)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shop.mu.Lock()
		shop.requests = append(shop.requests, r.Method+" "+r.URL.Path)
		shop.mu.Unlock()
		if shop.Fault != nil {
			if status := shop.Fault(r); status != 0 {
				http.Error(w, `{"title":"injected"}`, status)
				return
			}
		}
		if !shop.admits(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, `{"title":"no valid token"}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	shop.Root, shop.URL = server.URL, server.URL+"/api/v1"
	return shop
}

// admits lets everybody read products, and whoever has the token do the rest. A
// wrong token is refused everywhere.
func (s *Shop) admits(r *http.Request) bool {
	said := r.Header.Get("Authorization")
	if s.Token == "" || said == "Bearer "+s.Token {
		return true
	}
	return said == "" && r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/api/v1/orders")
}

// Products counts what the shop holds.
func (s *Shop) Products() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.products)
}

// Requests lists what was asked, as "GET /api/v1/products/1".
func (s *Shop) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func (s *Shop) create(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := fmt.Sprintf("00000000-0000-7000-8000-%012d", s.next)
	s.store(w, r, id, http.StatusCreated)
}

func (s *Shop) replace(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.products[r.PathValue("id")] == nil {
		http.NotFound(w, r)
		return
	}
	s.store(w, r, r.PathValue("id"), http.StatusOK)
}

func (s *Shop) store(w http.ResponseWriter, r *http.Request, id string, status int) {
	var product map[string]any
	if err := json.NewDecoder(r.Body).Decode(&product); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, field := range []string{"sku", "name", "price_minor", "currency"} {
		if product[field] == nil {
			http.Error(w, field+" is missing", http.StatusUnprocessableEntity)
			return
		}
	}
	for other, held := range s.products {
		if held["sku"] == product["sku"] && other != id {
			http.Error(w, "sku is taken", http.StatusConflict)
			return
		}
	}
	product["id"] = id
	s.products[id] = product
	delete(s.cached, id)
	answer(w, status, product)
}

func (s *Shop) read(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	w.Header().Set("X-Cache", map[bool]string{true: "hit", false: "miss"}[s.cached[id]])
	if s.products[id] == nil {
		http.NotFound(w, r)
		return
	}
	s.cached[id] = !s.NoCache
	answer(w, http.StatusOK, s.products[id])
}

func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []map[string]any{}
	for _, product := range s.products {
		if strings.Contains(fmt.Sprint(product["name"]), r.URL.Query().Get("q")) {
			found = append(found, product)
		}
	}
	answer(w, http.StatusOK, map[string]any{"items": found})
}

func (s *Shop) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	if s.products[id] == nil {
		http.NotFound(w, r)
		return
	}
	delete(s.products, id)
	delete(s.cached, id)
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
