// Package authtest gives tests an issuer of tokens: discovery and keys over
// HTTP, good tokens, and every kind of bad one. A test takes one for itself:
//
//	issuer := authtest.New(t)
//	verifier := issuer.Verifier(t)
//	token := issuer.Token(t, authtest.Subject("ada"), authtest.Roles("editor"))
//
// Rotate changes keys; Down and Hang take the issuer away, Up brings it back;
// Forgeries gives the bad tokens, each with the reason it has to be refused for.
package authtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// Audience is what good tokens are for.
const Audience = "pocctl"

// Issuer is an OpenID Connect issuer without login. It is safe for concurrent use.
type Issuer struct {
	server  *httptest.Server
	fetches atomic.Int64

	mutex     sync.Mutex
	keys      []*Key // the last one signs
	made      int
	condition condition
	changed   chan struct{} // closed when the condition changes
	instead   func(http.ResponseWriter, *http.Request) bool
}

type condition int

const (
	up condition = iota
	down
	hanging
)

// New starts an issuer with two keys: an ES256 key, which signs, and an EdDSA
// key. It stops with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{changed: make(chan struct{})}
	i.AddKey(t, "EdDSA")
	i.AddKey(t, "ES256")
	i.server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(func() {
		i.Up()
		i.server.CloseClientConnections()
		i.server.Close()
	})
	return i
}

// URL is the issuer's, as its tokens have it.
func (i *Issuer) URL() string { return i.server.URL }

// JWKSURL is where the keys are; discovery says the same.
func (i *Issuer) JWKSURL() string { return i.server.URL + "/keys" }

// Options are those of a verifier that takes this issuer's tokens. The
// caller may change them.
func (i *Issuer) Options() auth.VerifierOptions {
	return auth.VerifierOptions{Issuer: i.URL(), Audiences: []string{Audience}}
}

// Verifier takes this issuer's tokens.
func (i *Issuer) Verifier(t testing.TB) *auth.Verifier {
	t.Helper()
	verifier, err := auth.NewVerifier(i.Options())
	if err != nil {
		t.Fatalf("make a verifier: %v", err)
	}
	return verifier
}

// Fetches counts how often the keys were asked for, answered or not.
func (i *Issuer) Fetches() int64 { return i.fetches.Load() }

// Down cuts every request off until Up.
func (i *Issuer) Down() { i.set(down) }

// Hang leaves every request without an answer until Up.
func (i *Issuer) Hang() { i.set(hanging) }

// Up answers again, also those who wait.
func (i *Issuer) Up() { i.set(up) }

// Serve has instead answer first; what it doesn't handle is answered as usual.
func (i *Issuer) Serve(instead func(w http.ResponseWriter, r *http.Request) (handled bool)) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.instead = instead
}

func (i *Issuer) set(condition condition) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.condition = condition
	close(i.changed)
	i.changed = make(chan struct{})
}

// await waits while the issuer hangs, and tells whether to answer.
func (i *Issuer) await(ctx context.Context) bool {
	for {
		i.mutex.Lock()
		condition, changed := i.condition, i.changed
		i.mutex.Unlock()
		if condition != hanging {
			return condition == up
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/keys" {
		i.fetches.Add(1)
	}
	if !i.await(r.Context()) {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Header().Set("Content-Type", "application/json")
	i.mutex.Lock()
	instead := i.instead
	i.mutex.Unlock()
	if instead != nil && instead(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL(), "jwks_uri": i.JWKSURL()})
	case "/keys":
		_, _ = w.Write(i.JWKS())
	default:
		http.NotFound(w, r)
	}
}

// JWKS is the set of the published keys.
func (i *Issuer) JWKS() []byte {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	set := []map[string]any{}
	for _, key := range i.keys {
		set = append(set, key.jwk())
	}
	document, err := json.Marshal(map[string]any{"keys": set})
	if err != nil {
		panic(err) // maps of strings
	}
	return document
}
