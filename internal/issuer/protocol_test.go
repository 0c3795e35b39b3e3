package issuer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// logged is a log that several may write to.
type logged struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// What people and machines send in the wrong place is no less secret.
func TestNothingSecretIsLogged(t *testing.T) {
	o := good(t)
	log := &logged{}
	o.LogOutput, o.LogLevel = log, "debug"
	stop := start(t, o)
	proof := oauth2.GenerateVerifier()
	b := browse(t, o, proof)
	b.login(o.Password, "guess")
	b.login("ada", "a-wrong-password")
	back, err := b.login("ada", o.Password).Location()
	if err != nil {
		t.Fatal(err)
	}
	code := back.Query().Get("code")
	token, err := b.config.Exchange(t.Context(), code, oauth2.VerifierOption(proof))
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{
		o.Password, "a-wrong-password", "a-wrong-secret", o.ViewerSecret, o.EditorSecret, o.AdminSecret, code, proof,
		token.AccessToken, token.Extra("id_token").(string),
	}
	for client, secret := range map[string]string{o.AdminSecret: o.AdminSecret, "pocctl-editor": "a-wrong-secret", "pocctl-viewer": o.ViewerSecret} {
		config := clientcredentials.Config{ClientID: client, ClientSecret: secret, TokenURL: o.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader}
		if token, err := config.Token(t.Context()); err == nil {
			secrets = append(secrets, token.AccessToken)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %q:\n%s", secret, text)
		}
	}
	for _, part := range []string{"never for production", "somebody logged in", "a login is refused", "a client is refused", "a token is given"} {
		if !strings.Contains(text, part) {
			t.Errorf("the log lacks %q:\n%s", part, text)
		}
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line isn't JSON: %s", line)
		}
	}
}

func TestScopesSayWhetherThereIsAnIDToken(t *testing.T) {
	o := good(t)
	start(t, o)
	for scope, want := range map[string]string{"": "", "profile other": "profile", "openid profile openid": "openid profile"} {
		proof := oauth2.GenerateVerifier()
		b := browse(t, o, proof)
		address, _ := url.Parse(b.form)
		query := address.Query()
		query.Set("scope", scope)
		address.RawQuery = query.Encode()
		b.form = address.String()
		back, err := b.login("eve", o.Password).Location()
		if err != nil {
			t.Fatal(err)
		}
		token, err := b.config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(proof))
		if err != nil {
			t.Fatal(err)
		}
		granted, _ := token.Extra("scope").(string)
		_, hasID := token.Extra("id_token").(string)
		if granted != want || hasID != strings.Contains(want, "openid") {
			t.Errorf("%q gives %q, an ID token %t", scope, granted, hasID)
		}
		if who := verify(t, o, token.AccessToken); who.Role != auth.Editor || who.Client != PublicClient || who.Name != "Eve" {
			t.Errorf("%q gives a token of %+v", scope, who)
		}
	}
}

// The service takes no ID token, though the client that it is for has the name that
// access tokens are for.
func TestTheServiceRefusesAnIDToken(t *testing.T) {
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
	verifier, err := auth.NewVerifier(auth.VerifierOptions{Issuer: o.URL, Audiences: []string{o.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	var refused *auth.Refused
	if who, err := verifier.Verify(t.Context(), token.Extra("id_token").(string)); !errors.As(err, &refused) {
		t.Errorf("an ID token is taken as %+v, %v", who, err)
	}
	if lives := time.Until(token.Expiry); lives < 59*time.Minute || lives > time.Hour {
		t.Errorf("a token lives for %s", lives)
	}
	info, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.URL+"/userinfo", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	info.Header.Set("Authorization", "bearer "+token.AccessToken)
	answer, err := http.DefaultClient.Do(info)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var who struct{ Sub, Name string }
	if err := json.NewDecoder(answer.Body).Decode(&who); err != nil || who.Sub != "ada" || who.Name != "Ada" {
		t.Errorf("userinfo by POST: %+v, %v", who, err)
	}
	logout := o.URL + "/logout?post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A7%2F&id_token_hint="
	for hint, want := range map[string]int{token.Extra("id_token").(string): http.StatusSeeOther, "nonsense": http.StatusBadRequest, token.Extra("id_token").(string) + "&client_id=other": http.StatusBadRequest} {
		if got := b.send(http.MethodGet, logout+hint, nil); got.StatusCode != want {
			t.Errorf("logout with the hint %.20s: %d, want %d", hint, got.StatusCode, want)
		}
	}
}

func TestWhatThePageIsAsked(t *testing.T) {
	o := good(t)
	start(t, o)
	b := browse(t, o, oauth2.GenerateVerifier())
	back, err := b.send(http.MethodGet, b.url+"&prompt=none", nil).Location()
	if err != nil || back.Query().Get("error") != "login_required" || back.Query().Get("state") != "a-state" {
		t.Errorf("nobody to be asked: %v, %v", back, err)
	}
	if answer := b.send(http.MethodGet, b.url+"&request=x", nil); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a request object: %d", answer.StatusCode)
	}
	for hint, want := range map[string]string{"": "vic", "&login_hint=ada": "ada", "&login_hint=mallory": "vic"} {
		text := b.read(http.MethodGet, b.url+hint, nil)
		if !strings.Contains(text, `value="`+want+`" required checked`) || strings.Count(text, " checked") != 1 {
			t.Errorf("%q doesn't choose %s:\n%s", hint, want, text)
		}
	}
	six := strings.Replace(b.url, url.QueryEscape("127.0.0.1:1"), url.QueryEscape("[::1]:1"), 1)
	if policy := b.send(http.MethodGet, six, nil).Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http:;") {
		t.Errorf("the policy for a program at an IPv6 address is %q", policy)
	}
	large := b.send(http.MethodPost, b.form, url.Values{"name": {"ada"}, "password": {strings.Repeat("x", 2*maxBody)}})
	if large.StatusCode != http.StatusBadRequest {
		t.Errorf("a form that is too large: %d", large.StatusCode)
	}
	if answer := b.send(http.MethodPost, o.URL+"/token", url.Values{"code": {strings.Repeat("x", 2*maxBody)}}); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a token request that is too large: %d", answer.StatusCode)
	}
}

func TestDiscovery(t *testing.T) {
	o := good(t)
	o.URL = strings.TrimSuffix(o.URL, "/issuer") // without a path
	start(t, o)
	provider, err := oidc.NewProvider(t.Context(), o.URL)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := provider.Claims(&document); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys",
		"userinfo_endpoint": "/userinfo", "end_session_endpoint": "/logout",
	} {
		if document[name] != o.URL+path {
			t.Errorf("%s is %v, want %s", name, document[name], o.URL+path)
		}
		answer, err := http.Get(o.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusNotFound {
			t.Errorf("%s isn't there", path)
		}
	}
}

func TestCodesEnd(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := &codes{now: func() time.Time { return now }, grants: map[string]grant{}}
	code := c.issue(grant{subject: "ada"})
	now = now.Add(codeLife + time.Second)
	if _, ok := c.redeem(code); ok {
		t.Error("a code is good for longer than a minute")
	}
	for range 2 * maxCodes {
		code = c.issue(grant{subject: "ada"})
	}
	if len(c.grants) > maxCodes {
		t.Errorf("%d codes are kept", len(c.grants))
	}
	if g, ok := c.redeem(code); !ok || g.subject != "ada" {
		t.Error("the last code isn't good")
	}
}

func TestServeSaysWhatIsInTheWay(t *testing.T) {
	o := good(t)
	start(t, o)
	if err := Serve(t.Context(), o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address in use: %v", err)
	}
	o.LogLevel = "loud"
	var refused *OptionError
	if err := Serve(t.Context(), o); !errors.As(err, &refused) || refused.Option != "LogLevel" || !strings.HasPrefix(err.Error(), "LogLevel: ") || errors.Unwrap(refused) == nil {
		t.Errorf("a level that isn't one: %v", err)
	}
}

// Told to stop, it lets a request that is under way finish.
func TestStopLetsRequestsFinish(t *testing.T) {
	o := good(t)
	o.LogOutput = nil
	stop := start(t, o)
	body, fill := io.Pipe()
	reading := make(chan struct{})
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+"/token", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Expect", "100-continue")
	request.SetBasicAuth("pocctl-viewer", o.ViewerSecret)
	answered := make(chan *http.Response, 1)
	go func() {
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
		}
		answered <- answer // whoever takes it closes its body
	}()
	select {
	case <-reading:
	case <-time.After(patience):
		t.Fatal("the request isn't read")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	refuses(t, o.Address)
	if _, err := io.WriteString(fill, "grant_type=client_credentials"); err != nil {
		t.Fatal(err)
	}
	fill.Close()
	answer := <-answered
	if answer == nil {
		t.FailNow()
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the request under way is answered with %d", answer.StatusCode)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}

// refuses waits until nobody listens there any more.
func refuses(t *testing.T, address string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		connection.Close()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it goes on listening")
		}
	}
}
