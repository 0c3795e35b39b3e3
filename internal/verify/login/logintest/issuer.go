// Package logintest is a stand-in for an OpenID Connect issuer, for tests of what
// gets its tokens: discovery and client credentials, with faults on demand.
package logintest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Issuer is the stand-in. Its fields may be set before the first request.
type Issuer struct {
	// URL is the issuer's, ending in /issuer.
	URL string
	// Clients are its clients' secrets.
	Clients map[string]string
	// Lifetime is that of its tokens; an hour if zero.
	Lifetime time.Duration
	// Methods lists how clients may authenticate; empty leaves it unsaid.
	Methods []string
	// Says, if set, is changed into the discovery document: key to value.
	Says map[string]any
	// Fault, if it gives a status, has the request answered with it.
	Fault func(*http.Request) int

	mu       sync.Mutex
	requests []string
	given    int
}

// New starts an issuer that ends with the test. It knows pocctl-viewer,
// pocctl-editor and pocctl-admin, each with its role as the secret.
func New(t *testing.T) *Issuer {
	i := &Issuer{Clients: map[string]string{"pocctl-viewer": "viewer", "pocctl-editor": "editor", "pocctl-admin": "admin"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /issuer/.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("POST /issuer/token", i.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.requests = append(i.requests, r.Method+" "+r.URL.Path)
		i.mu.Unlock()
		if i.Fault != nil {
			if status := i.Fault(r); status != 0 {
				http.Error(w, "injected", status)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i.URL = server.URL + "/issuer"
	return i
}

// Requests lists what was asked, as "POST /issuer/token".
func (i *Issuer) Requests() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.requests...)
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{"issuer": i.URL, "token_endpoint": i.URL + "/token"}
	if len(i.Methods) > 0 {
		document["token_endpoint_auth_methods_supported"] = i.Methods
	}
	for key, value := range i.Says {
		document[key] = value
	}
	answer(w, http.StatusOK, document)
}

// token gives tokens like "pocctl-editor 1 scope audience", by the header or by
// the form, as Methods allows.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	client, secret, inHeader := r.BasicAuth()
	if len(i.Methods) > 0 && i.Methods[0] == "client_secret_post" {
		client, secret, inHeader = r.FormValue("client_id"), r.FormValue("client_secret"), true
	}
	if !inHeader || i.Clients[client] == "" || i.Clients[client] != secret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "no such client"})
		return
	}
	if grant := r.FormValue("grant_type"); grant != "client_credentials" {
		answer(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	i.mu.Lock()
	i.given++
	token := fmt.Sprintf("%s-%d", client, i.given)
	i.mu.Unlock()
	for _, asked := range []string{r.FormValue("scope"), r.FormValue("audience")} {
		if asked != "" {
			token += "-" + asked
		}
	}
	lifetime := i.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime.Seconds())})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
