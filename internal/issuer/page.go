package issuer

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"
)

//go:embed login.html
var pageHTML string

//go:embed login.css
var pageStyle string

// page is what people are shown: the form, or what is Wrong, or what is Done.
type page struct {
	asked
	Query       string // of the page's own address
	Name        string // who is chosen
	Failed      string // the last attempt, and why
	Wrong, Done string
}

// pages makes them. There are no scripts.
type pages struct {
	template *template.Template
	style    string // as the policy names it
}

func newPages() pages {
	sum := sha256.Sum256([]byte(pageStyle))
	return pages{template.Must(template.New("login").Parse(pageHTML)), "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}
}

// choice is a person on the page.
type choice struct {
	Name, Full, Role string
	Chosen           bool
}

// choices has the one with the least role chosen if nobody is.
func choices(name string) []choice {
	var all []choice
	chosen := false
	for _, one := range people() {
		all = append(all, choice{one.name, one.full, one.role, one.name == name})
		chosen = chosen || one.name == name
	}
	if !chosen {
		all[len(all)-1].Chosen = true
	}
	return all
}

// policy lets the page have its own style, and send its form here and, by a
// redirect, to the program that asked.
func (p pages) policy(to *url.URL) string {
	form := "'none'"
	if to != nil {
		form = "'self' http://" + to.Host
		if strings.HasPrefix(to.Host, "[") { // policies have no word for an IPv6 address
			form = "'self' http:"
		}
	}
	return "default-src 'none'; style-src " + p.style + "; form-action " + form + "; frame-ancestors 'none'; base-uri 'none'"
}

func (p *provider) show(w http.ResponseWriter, status int, shown page) {
	var text bytes.Buffer
	data := map[string]any{
		"Style": template.CSS(pageStyle), //nolint:gosec // it is built in
		"Page":  shown, "People": choices(shown.Name), "Action": "authorize?" + shown.Query,
	}
	if shown.redirect != nil {
		data["Program"] = shown.redirect.Host
	}
	if err := p.pages.template.Execute(&text, data); err != nil {
		p.logger.Error("the page can't be made", zap.Error(err))
		http.Error(w, "the page can't be made", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", p.pages.policy(shown.redirect))
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Without a referrer, browsers don't say where a form comes from.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client may have gone
}
