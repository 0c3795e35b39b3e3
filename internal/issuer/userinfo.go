package issuer

import (
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// userinfo says who a token was given to.
func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	var claims struct {
		jwt.Claims
		Name     string   `json:"name"`
		Username string   `json:"preferred_username"`
		Roles    []string `json:"roles"`
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="pocctl"`)
		refuse(w, http.StatusUnauthorized, "invalid_request", "send an access token of this issuer as a bearer token")
		return
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err == nil {
		err = parsed.Claims(p.keys.public(), &claims)
	}
	expected := jwt.Expected{Issuer: p.options.URL, AnyAudience: jwt.Audience{p.options.Audience}, Time: p.now()}
	// ID tokens are of another kind, though the audience may be the same.
	if err != nil || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != accessType || claims.Validate(expected) != nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="pocctl", error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "invalid_token", "the token isn't a good access token of this issuer")
		return
	}
	body := map[string]any{"sub": claims.Subject, "roles": claims.Roles}
	if claims.Username != "" {
		body["preferred_username"], body["name"] = claims.Username, claims.Name
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, body)
}
