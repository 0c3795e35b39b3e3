package issuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// provider answers as OpenID Connect and OAuth 2 have it.
type provider struct {
	options Options
	keys    *keys
	logger  *zap.Logger
	path    string // of the issuer's URL
	now     func() time.Time
	logins  *rate.Limiter // failed ones

	mutex sync.Mutex
	codes map[string]grant
}

// person logs in by name.
type person struct{ name, full, role string }

func people() []person {
	return []person{{"ada", "Ada", "admin"}, {"eve", "Eve", "editor"}, {"vic", "Vic", "viewer"}}
}

// PublicClient is the client of people: it has no secret, and proves itself by PKCE.
const PublicClient = "pocctl"

// machines are the clients with a secret, by role.
func (p *provider) machines() map[string]struct{ secret, role string } {
	return map[string]struct{ secret, role string }{
		"pocctl-viewer": {p.options.ViewerSecret, "viewer"},
		"pocctl-editor": {p.options.EditorSecret, "editor"},
		"pocctl-admin":  {p.options.AdminSecret, "admin"},
	}
}

func newProvider(options Options, keys *keys, logger *zap.Logger) *provider {
	parsed, err := url.Parse(options.URL)
	if err != nil {
		panic(err) // Validate has read it
	}
	return &provider{
		options: options, keys: keys, logger: logger, path: parsed.Path, now: time.Now,
		logins: rate.NewLimiter(rate.Every(2*time.Second), 5), codes: map[string]grant{},
	}
}

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET "+p.path+"/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET "+p.path+"/keys", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		answer(w, http.StatusOK, p.keys.public())
	})
	mux.HandleFunc("GET "+p.path+"/authorize", p.authorize)
	mux.HandleFunc("POST "+p.path+"/authorize", p.login)
	mux.HandleFunc("POST "+p.path+"/token", p.token)
	mux.HandleFunc("GET "+p.path+"/userinfo", p.userinfo)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

const maxBody = 16 << 10

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return p.options.URL + path }
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                p.options.URL,
		"authorization_endpoint":                at("/authorize"),
		"token_endpoint":                        at("/token"),
		"jwks_uri":                              at("/keys"),
		"userinfo_endpoint":                     at("/userinfo"),
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code", "client_credentials"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"scopes_supported":                      []string{"openid", "profile"},
		"claims_supported":                      []string{"sub", "aud", "iss", "exp", "iat", "roles", "preferred_username", "client_id"},
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// refuse answers as RFC 6749, 5.2, has it.
func refuse(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="pocctl"`)
	}
	answer(w, status, map[string]string{"error": code, "error_description": description})
}

// same compares in a time that tells nothing of the secret.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
