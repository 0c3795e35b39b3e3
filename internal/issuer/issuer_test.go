package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/pocctl/pocctl/internal/app/auth"
)

const patience = 20 * time.Second

// good are options that can be used, on a port of the test's own.
func good(t *testing.T) Options {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	return Options{
		Address: address, URL: "http://" + address + "/issuer", Audience: "pocctl", Password: "correct horse",
		ViewerSecret: "viewer-secret", EditorSecret: "editor-secret", AdminSecret: "admin-secret", LogOutput: io.Discard,
	}
}

// start serves until the test ends, or stop is called, which gives Serve's error.
func start(t *testing.T, o Options) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan net.Addr, 1)
	o.Started = func(at net.Addr) { started <- at }
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, o) }()
	select {
	case <-started:
	case err := <-ended:
		t.Fatalf("serve: %v", err)
	}
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(patience):
			return errors.New("it doesn't stop")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return stop
}

// verify takes a token as the service does, with its defaults.
func verify(t *testing.T, o Options, token string) auth.Principal {
	t.Helper()
	verifier, err := auth.NewVerifier(auth.VerifierOptions{Issuer: o.URL, Audiences: []string{o.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	who, err := verifier.Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("the service refuses the token: %v", err)
	}
	return who
}

func TestMachinesGetTokensForTheirRole(t *testing.T) {
	o := good(t)
	start(t, o)
	for client, want := range map[string]struct {
		secret string
		role   auth.Role
	}{
		"pocctl-viewer": {o.ViewerSecret, auth.Viewer}, "pocctl-editor": {o.EditorSecret, auth.Editor}, "pocctl-admin": {o.AdminSecret, auth.Admin},
	} {
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			config := clientcredentials.Config{ClientID: client, ClientSecret: want.secret, TokenURL: o.URL + "/token", AuthStyle: style}
			token, err := config.Token(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", client, err)
			}
			if who := verify(t, o, token.AccessToken); who.Role != want.role || who.Client != client || who.Subject == "" {
				t.Errorf("%s is %+v, want the role %s", client, who, want.role)
			}
		}
		wrong := clientcredentials.Config{ClientID: client, ClientSecret: "guess", TokenURL: o.URL + "/token"}
		if _, err := wrong.Token(t.Context()); err == nil {
			t.Errorf("%s gets a token for a wrong secret", client)
		}
	}
	nobody := clientcredentials.Config{ClientID: "pocctl-nobody", ClientSecret: "", TokenURL: o.URL + "/token"}
	if _, err := nobody.Token(t.Context()); err == nil {
		t.Error("a client that isn't there gets a token")
	}
}

// browser follows the login as a person does, and gives the code.
type browser struct {
	t      *testing.T
	client *http.Client
	config oauth2.Config
	url    string
	form   string // where it is sent
}

func browse(t *testing.T, o Options, verifier string) *browser {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), o.URL)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, config: oauth2.Config{
		ClientID: PublicClient, RedirectURL: "http://127.0.0.1:1/back", Endpoint: provider.Endpoint(), Scopes: []string{"openid"},
	}, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	b.url = b.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("a-nonce"))
	page := b.read(http.MethodGet, b.url, nil)
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page)
	if action == nil {
		t.Fatalf("the page has no form:\n%s", page)
	}
	base, _ := url.Parse(b.url)
	target, err := base.Parse(strings.ReplaceAll(action[1], "&amp;", "&"))
	if err != nil {
		t.Fatal(err)
	}
	b.form = target.String()
	return b
}

func (b *browser) send(method, to string, form url.Values) *http.Response {
	b.t.Helper()
	request, err := http.NewRequest(method, to, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	return response
}

func (b *browser) read(method, to string, form url.Values) string {
	b.t.Helper()
	text, err := io.ReadAll(b.send(method, to, form).Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *browser) login(name, password string) *http.Response {
	b.t.Helper()
	return b.send(http.MethodPost, b.form, url.Values{"name": {name}, "password": {password}})
}

func TestPeopleLogInThroughThePage(t *testing.T) {
	o := good(t)
	start(t, o)
	for name, role := range map[string]auth.Role{"ada": auth.Admin, "eve": auth.Editor, "vic": auth.Viewer} {
		proof := oauth2.GenerateVerifier()
		b := browse(t, o, proof)
		answer := b.login(name, o.Password)
		back, err := answer.Location()
		if err != nil || answer.StatusCode != http.StatusSeeOther || back.Query().Get("state") != "a-state" || back.Query().Get("iss") != o.URL {
			t.Fatalf("%s: %d %v %v", name, answer.StatusCode, back, err)
		}
		code := back.Query().Get("code")
		if _, err := b.config.Exchange(t.Context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
			t.Error("a code is worth something without the proof")
		}
		if _, err := b.config.Exchange(t.Context(), code, oauth2.VerifierOption(proof)); err == nil {
			t.Error("a code is good twice")
		}
		back, _ = b.login(name, o.Password).Location()
		token, err := b.config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(proof))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if who := verify(t, o, token.AccessToken); who.Role != role || who.Subject != name {
			t.Errorf("%s is %+v, want the role %s", name, who, role)
		}
		provider, err := oidc.NewProvider(t.Context(), o.URL)
		if err != nil {
			t.Fatal(err)
		}
		identity, err := provider.Verifier(&oidc.Config{ClientID: PublicClient, SupportedSigningAlgs: []string{"ES256"}}).
			Verify(t.Context(), token.Extra("id_token").(string))
		if err != nil || identity.Nonce != "a-nonce" || identity.Subject != name {
			t.Errorf("the ID token: %+v, %v", identity, err)
		}
		info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
		if err != nil || info.Subject != name {
			t.Errorf("userinfo: %+v, %v", info, err)
		}
	}
}

func TestWrongPasswordsAreRefusedAndThrottled(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	var statuses []int
	for range 8 {
		answer := b.login("ada", "guess")
		statuses = append(statuses, answer.StatusCode)
		text, _ := io.ReadAll(answer.Body)
		if !strings.Contains(string(text), `role="alert"`) || answer.Header.Get("Location") != "" {
			t.Fatalf("a wrong password is answered with %s", text)
		}
	}
	if statuses[0] != http.StatusUnauthorized || statuses[7] != http.StatusTooManyRequests {
		t.Errorf("guesses are answered with %v", statuses)
	}
}

// Guesses that come at once are counted before any of them is answered.
func TestGuessesAtOnceAreThrottled(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	const guesses = 40
	statuses := make(chan int, guesses)
	for range guesses {
		go func() {
			answer, err := b.client.PostForm(b.form, url.Values{"name": {"ada"}, "password": {"guess"}})
			if err != nil {
				statuses <- 0
				return
			}
			answer.Body.Close()
			statuses <- answer.StatusCode
		}()
	}
	looked := 0
	for range guesses {
		switch status := <-statuses; status {
		case http.StatusUnauthorized:
			looked++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("a guess is answered with %d", status)
		}
	}
	if looked > guesses/2 { // 5, and one for every two seconds that this takes
		t.Errorf("%d of %d guesses were looked at", looked, guesses)
	}
}

func TestThePageRefusesWhatItMustNotAnswer(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	for name, change := range map[string][2]string{
		"another client":  {"client_id", "evil"},
		"a way elsewhere": {"redirect_uri", "https://evil.example.com/"},
		"a way like ours": {"redirect_uri", "http://127.0.0.1.evil.example.com/"},
		"a way past ours": {"redirect_uri", "http://127.0.0.1@evil.example.com/"},
		"no way back":     {"redirect_uri", ""},
		"a script":        {"redirect_uri", "javascript:alert(1)"},
		"no proof":        {"code_challenge", ""},
		"a plain proof":   {"code_challenge_method", "plain"},
		"a token at once": {"response_type", "token"},
	} {
		asked, _ := url.Parse(b.url)
		query := asked.Query()
		query.Set(change[0], change[1])
		asked.RawQuery = query.Encode()
		answer := b.send(http.MethodGet, asked.String(), nil)
		if answer.StatusCode != http.StatusBadRequest || answer.Header.Get("Location") != "" {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	page := b.send(http.MethodGet, b.url, nil)
	for _, part := range []string{"default-src 'none'", "form-action 'self' http://127.0.0.1:1;", "frame-ancestors 'none'"} {
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, part) {
			t.Errorf("the page's policy %q lacks %q", policy, part)
		}
	}
	for header, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := page.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	for name, header := range map[string][2]string{"fetched": {"Sec-Fetch-Site", "cross-site"}, "sent": {"Origin", "http://evil.example.com"}, "sent from nowhere": {"Origin", "null"}} {
		request, _ := http.NewRequest(http.MethodPost, b.form, strings.NewReader(url.Values{"name": {"ada"}, "password": {o.Password}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set(header[0], header[1])
		answer, err := b.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden || answer.Header.Get("Location") != "" {
			t.Errorf("a form %s by another page: %d", name, answer.StatusCode)
		}
	}
}

// What a client sends is shown as text, whatever it is.
func TestThePageRunsNothing(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	const script = `"><script>alert(1)</script>`
	for _, text := range []string{
		b.read(http.MethodGet, b.url+"&more="+url.QueryEscape(script), nil),
		b.read(http.MethodGet, b.url+`&more=`+`"><script>`, nil),
		b.read(http.MethodPost, b.form, url.Values{"name": {script}, "password": {script}}),
	} {
		if !strings.Contains(text, "<form") || strings.Contains(text, "<script") {
			t.Errorf("got %s", text)
		}
	}
}

func TestAnIDTokenIsNoAccessToken(t *testing.T) {
	o := good(t)
	start(t, o)
	proof := oauth2.GenerateVerifier()
	b := browse(t, o, proof)
	back, err := b.login("ada", o.Password).Location()
	if err != nil {
		t.Fatal(err)
	}
	token, err := b.config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(proof))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := oidc.NewProvider(t.Context(), o.URL)
	if err != nil {
		t.Fatal(err)
	}
	identity := &oauth2.Token{AccessToken: token.Extra("id_token").(string)}
	if info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(identity)); err == nil {
		t.Errorf("userinfo takes an ID token: %+v", info)
	}
}

func TestLogOut(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	for query, want := range map[string]struct {
		status   int
		location string
	}{
		"": {http.StatusOK, ""},
		"?post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fout&state=s": {http.StatusSeeOther, "http://127.0.0.1:1/out?state=s"},
		"?post_logout_redirect_uri=https%3A%2F%2Fevil.example.com%2F":        {http.StatusBadRequest, ""},
	} {
		answer := b.send(http.MethodGet, o.URL+"/logout"+query, nil)
		if answer.StatusCode != want.status || answer.Header.Get("Location") != want.location {
			t.Errorf("logout%s: %d to %q", query, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
}

func TestOptionsAreRefusedByName(t *testing.T) {
	for option, spoil := range map[string]func(*Options){
		"Address": func(o *Options) { o.Address = "8080" }, "URL": func(o *Options) { o.URL = "http://id.example.com/issuer" },
		"Password": func(o *Options) { o.Password = "short" }, "ViewerSecret": func(o *Options) { o.ViewerSecret = "" },
		"Audience": func(o *Options) { o.Audience = "" }, "Rotation": func(o *Options) { o.Rotation = time.Millisecond },
		"EditorSecret": func(o *Options) { o.EditorSecret = "short" }, "AdminSecret": func(o *Options) { o.AdminSecret = "short" },
	} {
		o := good(t)
		spoil(&o)
		var refused *OptionError
		if err := Serve(t.Context(), o); !errors.As(err, &refused) || refused.Option != option {
			t.Errorf("%s: %v", option, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://127.0.0.1/issuer", "http://127.0.0.1/issuer/", "http://127.0.0.1/{x}", "http://127.0.0.1/a/../b", "http://127.0.0.1/issuer?a=b", "http://me@127.0.0.1/issuer"} {
		o := good(t)
		o.URL, o.AllowRemote = bad, true
		var refused *OptionError
		if err := o.Validate(); !errors.As(err, &refused) || refused.Option != "URL" {
			t.Errorf("the URL %q: %v", bad, err)
		}
	}
	for _, here := range []string{"http://localhost:8080/issuer", "http://id.localhost", "http://[::1]:8080/issuer", "http://127.42.0.1"} {
		o := good(t)
		o.URL = here
		if err := o.Validate(); err != nil {
			t.Errorf("the URL %q: %v", here, err)
		}
	}
	remote := good(t)
	remote.URL, remote.AllowRemote = "https://id.example.com/issuer", true
	if err := remote.Validate(); err != nil {
		t.Errorf("a remote URL that is allowed: %v", err)
	}
}

func TestHealthAndForms(t *testing.T) {
	o := good(t)
	start(t, o)
	response, err := http.Get("http://" + o.Address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("health: %d", response.StatusCode)
	}
	answer, err := http.PostForm(o.URL+"/token", url.Values{"grant_type": {"password"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var refused struct{ Error string }
	if err := json.NewDecoder(answer.Body).Decode(&refused); err != nil || refused.Error != "unsupported_grant_type" {
		t.Errorf("another grant: %d %+v %v", answer.StatusCode, refused, err)
	}
	info, err := http.Get(o.URL + "/userinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer info.Body.Close()
	if info.StatusCode != http.StatusUnauthorized {
		t.Errorf("userinfo without a token: %d", info.StatusCode)
	}
}
