package issuer

import (
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// endSession sends people back to the program that logs them out (OpenID Connect
// RP-Initiated Logout). There is nothing to end: nobody stays logged in here.
func (p *provider) endSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.show(w, http.StatusBadRequest, page{Wrong: "The form can't be read."})
		return
	}
	client := r.Form.Get("client_id")
	if hint := r.Form.Get("id_token_hint"); hint != "" {
		meant, ok := p.meantFor(hint)
		if !ok || client != "" && client != meant {
			p.show(w, http.StatusBadRequest, page{Wrong: "This login isn't one of this issuer's."})
			return
		}
		client = meant
	}
	target := r.Form.Get("post_logout_redirect_uri")
	if target == "" {
		p.show(w, http.StatusOK, page{Done: "You are logged out."})
		return
	}
	to := wayBack(target)
	if to == nil || client != "" && client != PublicClient {
		p.show(w, http.StatusBadRequest, page{Wrong: "The program that sent you here isn't one of this issuer's clients on this machine."})
		return
	}
	if state := r.Form.Get("state"); state != "" {
		query := to.Query()
		query.Set("state", state)
		to.RawQuery = query.Encode()
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther) //nolint:gosec // wayBack takes loopback alone
}

// meantFor reads which client an ID token of this issuer is for. It may have ended.
func (p *provider) meantFor(token string) (client string, ok bool) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", false
	}
	var claims jwt.Claims
	if err := parsed.Claims(p.keys.public(), &claims); err != nil || claims.Issuer != p.options.URL {
		return "", false
	}
	return PublicClient, slices.Contains(claims.Audience, PublicClient)
}
