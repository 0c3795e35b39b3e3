package issuer

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"
)

//go:embed login.html
var loginHTML string

// grant is who is to have tokens, and what for.
type grant struct {
	subject, full, client, role string
	redirect, challenge, nonce  string
	openID                      bool
	until                       time.Time
}

const (
	codeLife = time.Minute
	maxCodes = 1000
)

// asked is what a client sends people here with. It travels through the form.
type asked struct {
	Client, Redirect, State, Scope, Nonce, Challenge string
}

// read refuses what must not be answered by a redirect, and says why.
func (p *provider) read(values url.Values) (asked, string) {
	a := asked{
		Client: values.Get("client_id"), Redirect: values.Get("redirect_uri"), State: values.Get("state"),
		Scope: values.Get("scope"), Nonce: values.Get("nonce"), Challenge: values.Get("code_challenge"),
	}
	redirect, err := url.Parse(a.Redirect)
	switch {
	case a.Client != PublicClient:
		return a, "There is no client of this name."
	case err != nil || redirect.Scheme != "http" || !isLoopback(redirect.Hostname()) || redirect.Fragment != "":
		return a, "The program that sent you here isn't on this machine."
	case values.Get("response_type") != "code":
		return a, "The program that sent you here asks for something other than a code."
	case values.Get("code_challenge_method") != "S256" || len(a.Challenge) != 43:
		return a, "The program that sent you here doesn't prove that it is the same afterwards (PKCE)."
	}
	return a, ""
}

// authorize shows the page.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	a, wrong := p.read(r.URL.Query())
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusBadRequest
	}
	p.show(w, status, page{Query: r.URL.RawQuery, Asked: a, Refused: wrong})
}

// login takes the form. What was asked is in the page's own address, so that the
// form alone can't be sent from elsewhere to any good: who logs in is told a code
// that only the program with the proof can use.
func (p *provider) login(w http.ResponseWriter, r *http.Request) {
	a, wrong := p.read(r.URL.Query())
	if wrong != "" {
		p.show(w, http.StatusBadRequest, page{Refused: wrong})
		return
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		p.show(w, http.StatusForbidden, page{Refused: "This form was sent from another page."})
		return
	}
	if err := r.ParseForm(); err != nil {
		p.show(w, http.StatusBadRequest, page{Refused: "The form can't be read."})
		return
	}
	name := r.PostForm.Get("name")
	again := page{Query: r.URL.RawQuery, Asked: a, Name: name}
	if p.logins.Tokens() < 1 {
		again.Failed = "Too many attempts. Wait a moment."
		p.show(w, http.StatusTooManyRequests, again)
		return
	}
	for _, one := range people() {
		if one.name != name || !same(r.PostForm.Get("password"), p.options.Password) {
			continue
		}
		p.logger.Info("somebody logged in", zap.String("name", one.name))
		code := p.issue(grant{
			subject: one.name, full: one.full, client: a.Client, role: one.role,
			redirect: a.Redirect, challenge: a.Challenge, nonce: a.Nonce, openID: true,
		})
		target, err := url.Parse(a.Redirect)
		if err != nil {
			p.show(w, http.StatusBadRequest, page{Refused: "The way back can't be read."})
			return
		}
		query := target.Query()
		query.Set("code", code)
		query.Set("state", a.State)
		query.Set("iss", p.options.URL) // RFC 9207
		target.RawQuery = query.Encode()
		http.Redirect(w, r, target.String(), http.StatusSeeOther)
		return
	}
	p.logins.Allow()
	p.logger.Info("a login is refused", zap.String("name", shown(name)))
	again.Failed = "The name or the password is wrong."
	p.show(w, http.StatusUnauthorized, again)
}

// issue keeps a grant for a moment, and gives the code for it.
func (p *provider) issue(g grant) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := p.now()
	for code, old := range p.codes {
		if now.After(old.until) || len(p.codes) >= maxCodes {
			delete(p.codes, code)
		}
	}
	g.until = now.Add(codeLife)
	code := random()
	p.codes[code] = g
	return code
}

// redeem gives what a code stands for, once.
func (p *provider) redeem(code string) (grant, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	g, known := p.codes[code]
	delete(p.codes, code)
	return g, known && !p.now().After(g.until)
}

type page struct {
	Query           string
	Asked           asked
	Name            string
	Failed, Refused string
	People          []person
}

// Action is where the form goes.
func (p page) Action() string { return "authorize?" + p.Query }

// Name, Full and Role are for the page.
func (p person) Name() string { return p.name }

// Full is the name as people write it.
func (p person) Full() string { return p.full }

// Role is what the person may do.
func (p person) Role() string { return p.role }

const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; base-uri 'none'"

func (p *provider) show(w http.ResponseWriter, status int, shown page) {
	shown.People = people()
	var text bytes.Buffer
	if err := template.Must(template.New("login").Parse(loginHTML)).Execute(&text, shown); err != nil {
		p.logger.Error("the page can't be made", zap.Error(err))
		http.Error(w, "the page can't be made", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client may have gone
}
