package issuer

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// The kinds of tokens, as their headers have them.
const (
	accessType   = "at+jwt" // RFC 9068
	identityType = "JWT"
)

// token gives tokens to machines for their secret, and to people's clients for a code.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "the form can't be read")
		return
	}
	client, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, 2.3.1: they are encoded as in a form
		client, secret = unescaped(client), unescaped(secret)
	} else {
		client, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		p.toMachine(w, r, client, secret)
	case "authorization_code":
		granted, ok := p.codes.redeem(r.PostForm.Get("code"))
		if !ok || granted.client != client || granted.redirect != r.PostForm.Get("redirect_uri") || !granted.proved(r.PostForm.Get("code_verifier")) {
			refuse(w, http.StatusBadRequest, "invalid_grant", "the code, or what proves whose it is, is wrong or used up")
			return
		}
		p.grant(w, granted)
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "use client_credentials or authorization_code")
	}
}

// toMachine checks a client's secret. Who guesses one client's keeps nobody from
// the others.
func (p *provider) toMachine(w http.ResponseWriter, r *http.Request, client, secret string) {
	machine, known := p.machines()[client]
	if !known {
		client = "" // what was sent as one may be a secret
	}
	right, early := p.guesses.try(caller(r)+" "+client, func() bool { return same(secret, machine.secret) && known })
	switch {
	case early:
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusTooManyRequests, "invalid_client", "too many wrong secrets; wait a few seconds")
	case !right:
		p.logger.Warn("a client is refused", zap.String("client", client), zap.String("remote_address", caller(r)))
		w.Header().Set("WWW-Authenticate", `Basic realm="pocctl"`)
		refuse(w, http.StatusUnauthorized, "invalid_client", "there is no client with this secret")
	default:
		p.grant(w, grant{subject: client, client: client, role: machine.role})
	}
}

// grant answers with tokens.
func (p *provider) grant(w http.ResponseWriter, to grant) {
	body, err := p.tokens(to)
	if err != nil {
		p.logger.Error("no token can be made", zap.Error(err))
		refuse(w, http.StatusInternalServerError, "server_error", "no token can be made now")
		return
	}
	p.logger.Info("a token is given", zap.String("subject", to.subject), zap.String("client", to.client), zap.String("role", to.role))
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, body)
}

// tokens makes an access token, and an ID token if a person's client asked for one.
func (p *provider) tokens(to grant) (map[string]any, error) {
	now := p.now()
	access := map[string]any{
		"iss": p.options.URL, "sub": to.subject, "aud": p.options.Audience, "client_id": to.client, "roles": []string{to.role},
		"iat": now.Unix(), "exp": now.Add(Lifetime).Unix(), "jti": random(),
	}
	if to.full != "" {
		access["preferred_username"], access["name"] = to.subject, to.full
	}
	body := map[string]any{"token_type": "Bearer", "expires_in": int(Lifetime.Seconds())}
	if len(to.scopes) > 0 {
		access["scope"] = strings.Join(to.scopes, " ")
		body["scope"] = access["scope"]
	}
	var err error
	if body["access_token"], err = p.keys.sign(accessType, access); err != nil || !slices.Contains(to.scopes, scopeOpenID) {
		return body, err
	}
	identity := map[string]any{
		"iss": p.options.URL, "sub": to.subject, "aud": to.client, "azp": to.client, "auth_time": to.at.Unix(),
		"iat": now.Unix(), "exp": now.Add(Lifetime).Unix(),
		"preferred_username": to.subject, "name": to.full,
	}
	if to.nonce != "" {
		identity["nonce"] = to.nonce
	}
	body["id_token"], err = p.keys.sign(identityType, identity)
	return body, err
}

func unescaped(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}
