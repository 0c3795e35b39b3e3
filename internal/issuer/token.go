package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/zap"
)

// token gives tokens to machines for their secret, and to people for a code.
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
		machine, known := p.machines()[client]
		if !same(secret, machine.secret) || !known {
			p.logger.Info("a client is refused", zap.String("client", shown(client)))
			refuse(w, http.StatusUnauthorized, "invalid_client", "there is no client with this secret")
			return
		}
		p.grant(w, grant{subject: client, client: client, role: machine.role})
	case "authorization_code":
		granted, ok := p.redeem(r.PostForm.Get("code"))
		if !ok || granted.client != client || granted.redirect != r.PostForm.Get("redirect_uri") || !granted.proved(r.PostForm.Get("code_verifier")) {
			refuse(w, http.StatusBadRequest, "invalid_grant", "the code, or what proves whose it is, is wrong or used up")
			return
		}
		p.grant(w, granted)
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "use client_credentials or authorization_code")
	}
}

// grant answers with tokens.
func (p *provider) grant(w http.ResponseWriter, to grant) {
	now := p.now()
	claims := map[string]any{
		"iss": p.options.URL, "sub": to.subject, "aud": p.options.Audience, "client_id": to.client, "roles": []string{to.role},
		"iat": now.Unix(), "exp": now.Add(Lifetime).Unix(), "jti": random(),
	}
	if to.full != "" {
		claims["preferred_username"], claims["name"] = to.subject, to.full
	}
	access, err := p.keys.sign("at+jwt", claims)
	if err != nil {
		p.logger.Error("no token can be made", zap.Error(err))
		refuse(w, http.StatusInternalServerError, "server_error", "no token can be made now")
		return
	}
	body := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(Lifetime.Seconds()), "scope": "openid profile"}
	if to.openID {
		identity := map[string]any{
			"iss": p.options.URL, "sub": to.subject, "aud": to.client, "azp": to.client, "iat": now.Unix(), "exp": now.Add(Lifetime).Unix(),
			"preferred_username": to.subject, "name": to.full,
		}
		if to.nonce != "" {
			identity["nonce"] = to.nonce
		}
		if body["id_token"], err = p.keys.sign("JWT", identity); err != nil {
			refuse(w, http.StatusInternalServerError, "server_error", "no token can be made now")
			return
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	p.logger.Info("a token is given", zap.String("subject", to.subject), zap.String("client", to.client), zap.String("role", to.role))
	answer(w, http.StatusOK, body)
}

// userinfo says who a token was given to.
func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	text, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if !found || err != nil {
		refuse(w, http.StatusUnauthorized, "invalid_token", "send a token of this issuer")
		return
	}
	var standard jwt.Claims
	var claims struct {
		Name     string   `json:"name"`
		Username string   `json:"preferred_username"`
		Roles    []string `json:"roles"`
	}
	set := p.keys.public()
	if err := parsed.Claims(set, &standard, &claims); err != nil ||
		standard.Validate(jwt.Expected{Issuer: p.options.URL, AnyAudience: jwt.Audience{p.options.Audience}, Time: p.now()}) != nil {
		refuse(w, http.StatusUnauthorized, "invalid_token", "the token isn't good")
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"sub": standard.Subject, "name": claims.Name, "preferred_username": claims.Username, "roles": claims.Roles,
	})
}

// proved tells whether verifier is what the code was asked for with (RFC 7636, 4.6).
func (g grant) proved(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && same(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge)
}

func random() string { return rand.Text() }

func unescaped(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

// shown keeps what a client sent from filling the log.
func shown(text string) string { return text[:min(len(text), 64)] }
