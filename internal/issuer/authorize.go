package issuer

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// asked is what a client sends people here with. It stays in the page's address.
type asked struct {
	client, state, nonce, challenge string
	redirect                        *url.URL
	scopes                          []string
}

// read takes what is asked. wrong says why it can't be done: the person is told, who
// is setting up the program that asks, and not the program.
func read(values url.Values) (a asked, wrong string) {
	a = asked{
		client: values.Get("client_id"), state: values.Get("state"), nonce: values.Get("nonce"),
		challenge: values.Get("code_challenge"), redirect: wayBack(values.Get("redirect_uri")),
	}
	for _, scope := range strings.Fields(values.Get("scope")) {
		if slices.Contains(scopes(), scope) && !slices.Contains(a.scopes, scope) {
			a.scopes = append(a.scopes, scope)
		}
	}
	switch {
	case a.client != PublicClient:
		return a, "There is no client of this name."
	case a.redirect == nil:
		return a, "The program that sent you here isn't on this machine."
	case values.Get("response_type") != "code":
		return a, "The program that sent you here asks for something other than a code."
	case values.Get("code_challenge_method") != "S256" || len(a.challenge) != 43:
		return a, "The program that sent you here doesn't prove that it is the same afterwards (PKCE)."
	case values.Has("request") || values.Has("request_uri"):
		return a, "The program that sent you here asks in a form that isn't understood here."
	}
	return a, ""
}

// wayBack reads a redirect URI, and gives nil unless it leads to a program on the
// person's own machine (RFC 8252, 7.3): on any port, at any path.
func wayBack(text string) *url.URL {
	to, err := url.Parse(text)
	if err != nil || to.Scheme != "http" || to.User != nil || to.Opaque != "" || strings.Contains(text, "#") {
		return nil
	}
	if host := to.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil
	}
	return to
}

// back is where the answer goes: the client's address with the answer in its query.
func (p *provider) back(a asked, answer url.Values) string {
	to := *a.redirect
	query := to.Query()
	for name, values := range answer {
		query[name] = values
	}
	if a.state != "" {
		query.Set("state", a.state)
	}
	query.Set("iss", p.options.URL) // RFC 9207
	to.RawQuery = query.Encode()
	return to.String()
}

// understood reads what is asked, and answers itself if nobody need log in for it.
func (p *provider) understood(w http.ResponseWriter, r *http.Request) (asked, bool) {
	a, wrong := read(r.URL.Query())
	if wrong != "" {
		p.show(w, http.StatusBadRequest, page{Wrong: wrong})
		return a, false
	}
	if slices.Contains(strings.Fields(r.URL.Query().Get("prompt")), "none") { // nobody stays logged in here
		http.Redirect(w, r, p.back(a, url.Values{"error": {"login_required"}}), http.StatusSeeOther) //nolint:gosec // wayBack takes loopback alone
		return a, false
	}
	return a, true
}

// authorize shows the page.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	a, ok := p.understood(w, r)
	if !ok {
		return
	}
	p.show(w, http.StatusOK, page{asked: a, Query: r.URL.RawQuery, Name: r.URL.Query().Get("login_hint")})
}

// login takes the form. That it is the page's own is checked by the browser's word
// for where it comes from; what was asked is in the address that it is sent to.
func (p *provider) login(w http.ResponseWriter, r *http.Request) {
	a, ok := p.understood(w, r)
	if !ok {
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p.show(w, http.StatusForbidden, page{Wrong: "This form was sent from another page."})
		return
	}
	if err := r.ParseForm(); err != nil {
		p.show(w, http.StatusBadRequest, page{Wrong: "The form can't be read."})
		return
	}
	name := r.PostForm.Get("name")
	again := page{asked: a, Query: r.URL.RawQuery, Name: name}
	who, known := personNamed(name)
	right, early := p.guesses.try(caller(r), func() bool { return same(r.PostForm.Get("password"), p.options.Password) && known })
	switch {
	case early:
		again.Failed = "Too many attempts. Wait a few seconds."
		w.Header().Set("Retry-After", retryAfter)
		p.show(w, http.StatusTooManyRequests, again)
	case !right:
		// What was sent as a name may be a password: who.name is empty then.
		p.logger.Warn("a login is refused", zap.String("name", who.name), zap.String("remote_address", caller(r)))
		again.Failed = "The password is wrong."
		p.show(w, http.StatusUnauthorized, again)
	default:
		p.logger.Info("somebody logged in", zap.String("name", who.name), zap.String("remote_address", caller(r)))
		code := p.codes.issue(grant{
			subject: who.name, full: who.full, role: who.role, client: a.client, scopes: a.scopes,
			redirect: r.URL.Query().Get("redirect_uri"), challenge: a.challenge, nonce: a.nonce,
		})
		http.Redirect(w, r, p.back(a, url.Values{"code": {code}}), http.StatusSeeOther) //nolint:gosec // wayBack takes loopback alone
	}
}
