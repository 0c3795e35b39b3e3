package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"
)

// provider answers as OpenID Connect and OAuth 2 have it.
type provider struct {
	options Options
	path    string // of the issuer's URL
	keys    *keys
	codes   *codes
	guesses *throttle
	pages   pages
	logger  *zap.Logger
	now     func() time.Time
}

// person logs in by name.
type person struct{ name, full, role string }

// people are all that there are; the one with the least role is the last.
func people() []person {
	return []person{{"ada", "Ada", "admin"}, {"eve", "Eve", "editor"}, {"vic", "Vic", "viewer"}}
}

func personNamed(name string) (person, bool) {
	for _, one := range people() {
		if one.name == name {
			return one, true
		}
	}
	return person{}, false
}

// PublicClient is the client of people: it has no secret, and proves itself by PKCE.
const PublicClient = "pocctl"

// machine is a client with a secret.
type machine struct{ secret, role string }

func (p *provider) machines() map[string]machine {
	return map[string]machine{
		"pocctl-viewer": {p.options.ViewerSecret, "viewer"},
		"pocctl-editor": {p.options.EditorSecret, "editor"},
		"pocctl-admin":  {p.options.AdminSecret, "admin"},
	}
}

const scopeOpenID = "openid"

func scopes() []string { return []string{scopeOpenID, "profile"} }

func newProvider(options Options, keys *keys, logger *zap.Logger, now func() time.Time) (*provider, error) {
	parsed, err := url.Parse(options.URL)
	if err != nil {
		return nil, &OptionError{"URL", err}
	}
	return &provider{
		options: options, path: parsed.Path, keys: keys, codes: &codes{now: now, grants: map[string]grant{}},
		guesses: newThrottle(now), pages: newPages(), logger: logger, now: now,
	}, nil
}

const (
	maxBody    = 16 << 10 // bytes
	retryAfter = "2"      // seconds, as guessEvery
)

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	at := func(method, path string, handle http.HandlerFunc) { mux.HandleFunc(method+" "+p.path+path, handle) }
	at(http.MethodGet, "/.well-known/openid-configuration", p.discovery)
	at(http.MethodGet, "/keys", p.published)
	at(http.MethodGet, "/authorize", p.authorize)
	at(http.MethodPost, "/authorize", p.login)
	at(http.MethodPost, "/token", p.token)
	at(http.MethodGet, "/userinfo", p.userinfo)
	at(http.MethodPost, "/userinfo", p.userinfo)
	at(http.MethodGet, "/logout", p.endSession)
	at(http.MethodPost, "/logout", p.endSession)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return p.options.URL + path }
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                         p.options.URL,
		"authorization_endpoint":                         at("/authorize"),
		"token_endpoint":                                 at("/token"),
		"jwks_uri":                                       at("/keys"),
		"userinfo_endpoint":                              at("/userinfo"),
		"end_session_endpoint":                           at("/logout"),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "client_credentials"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               scopes(),
		"claims_supported":                               []string{"sub", "aud", "iss", "exp", "iat", "auth_time", "roles", "preferred_username", "name", "client_id"},
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	})
}

// published are the keys that check signatures.
func (p *provider) published(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	answer(w, http.StatusOK, p.keys.public())
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// refuse answers as RFC 6749, 5.2, has it.
func refuse(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Cache-Control", "no-store")
	answer(w, status, map[string]string{"error": code, "error_description": description})
}

// same compares in a time that tells nothing of the secret.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func random() string { return rand.Text() }
