package login

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/login/logintest"
)

func secret(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

func TestToken(t *testing.T) {
	for name, test := range map[string]struct {
		methods []string
		options Options
		want    string
	}{
		"by the header":           {nil, Options{}, "pocctl-editor-1"},
		"by the form":             {[]string{"client_secret_post"}, Options{}, "pocctl-editor-1"},
		"by either":               {[]string{"private_key_jwt", "client_secret_basic"}, Options{}, "pocctl-editor-1"},
		"with scopes":             {nil, Options{Scopes: []string{"a", "b"}}, "pocctl-editor-1-a b"},
		"with scope and audience": {nil, Options{Scopes: []string{"a"}, Audience: "shop"}, "pocctl-editor-1-a-shop"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := logintest.New(t)
			issuer.Methods = test.methods
			o := test.options
			o.Issuer, o.Client, o.Secret = issuer.URL+"/", "pocctl-editor", secret("editor")
			source := New(t.Context(), o)
			for range 3 {
				token, err := source.Token()
				if err != nil {
					t.Fatal(err)
				}
				if token.AccessToken != test.want || token.Type() != "Bearer" || time.Until(token.Expiry) < 50*time.Minute {
					t.Errorf("got %+v, want %s", token, test.want)
				}
			}
			want := []string{"GET /issuer/.well-known/openid-configuration", "POST /issuer/token"}
			if diff := cmp.Diff(want, issuer.Requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokenIsRenewedEarly(t *testing.T) {
	for name, test := range map[string]struct{ lifetime, kept, renewed time.Duration }{
		"of an hour":     {time.Hour, 58 * time.Minute, 59*time.Minute + time.Second},
		"of ten seconds": {10 * time.Second, 7 * time.Second, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := logintest.New(t)
			issuer.Lifetime = test.lifetime
			source := New(t.Context(), Options{Issuer: issuer.URL, Client: "pocctl-viewer", Secret: secret("viewer")})
			later := time.Duration(0)
			source.now = func() time.Time { return time.Now().Add(later) }
			for _, step := range []struct {
				after time.Duration
				want  string
			}{{0, "pocctl-viewer-1"}, {test.kept, "pocctl-viewer-1"}, {test.renewed, "pocctl-viewer-2"}} {
				later = step.after
				token, err := source.Token()
				if err != nil || token.AccessToken != step.want {
					t.Errorf("after %s: got %v, %v; want %s", step.after, token, err, step.want)
				}
			}
		})
	}
}

// An issuer that is away for a moment does not cost a token that still holds.
func TestTokenOutlastsItsIssuer(t *testing.T) {
	issuer := logintest.New(t)
	status := 0
	issuer.Fault = func(*http.Request) int { return status }
	source := New(t.Context(), Options{Issuer: issuer.URL, Client: "pocctl-viewer", Secret: secret("viewer")})
	later := time.Duration(0)
	source.now = func() time.Time { return time.Now().Add(later) }
	if _, err := source.Token(); err != nil {
		t.Fatal(err)
	}
	status, later = http.StatusServiceUnavailable, 59*time.Minute+30*time.Second
	if token, err := source.Token(); err != nil || token.AccessToken != "pocctl-viewer-1" {
		t.Errorf("got %v, %v", token, err)
	}
	later = time.Hour + time.Second
	if token, err := source.Token(); err == nil {
		t.Errorf("got %v, which has ended", token)
	}
	status = 0
	if token, err := source.Token(); err != nil || token.AccessToken != "pocctl-viewer-2" {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestTokenIsRefused(t *testing.T) {
	at := func(path string, status int) func(*http.Request) int {
		return func(r *http.Request) int {
			if strings.HasSuffix(r.URL.Path, path) {
				return status
			}
			return 0
		}
	}
	for name, test := range map[string]struct {
		change  func(*logintest.Issuer, *Options)
		code    fault.Code
		message string
	}{
		"nobody there":         {func(_ *logintest.Issuer, o *Options) { o.Issuer = "http://127.0.0.1:1/issuer" }, fault.IssuerUnreachable, "GET http://127.0.0.1:1/issuer/.well-known/openid-configuration: dial tcp 127.0.0.1:1: connect: connection refused"},
		"no discovery":         {func(i *logintest.Issuer, _ *Options) { i.Fault = at("configuration", 503) }, fault.IssuerUnreachable, "configuration: status 503"},
		"no document":          {func(i *logintest.Issuer, _ *Options) { i.Fault = at("configuration", 200) }, fault.IssuerUnreachable, "no discovery document"},
		"another issuer":       {func(i *logintest.Issuer, _ *Options) { i.Says = map[string]any{"issuer": "http://other"} }, fault.IssuerUnreachable, `it says that it is "http://other"`},
		"no token endpoint":    {func(i *logintest.Issuer, _ *Options) { i.Says = map[string]any{"token_endpoint": ""} }, fault.IssuerUnreachable, `its token endpoint is ""`},
		"token endpoint fails": {func(i *logintest.Issuer, _ *Options) { i.Fault = at("token", 502) }, fault.IssuerUnreachable, "/issuer/token: status 502"},
		"wrong secret":         {func(_ *logintest.Issuer, o *Options) { o.Secret = secret("wrong") }, fault.ClientRefused, "refuses client pocctl-editor: status 401, invalid_client, no such client"},
		"wrong client":         {func(_ *logintest.Issuer, o *Options) { o.Client = "stranger" }, fault.ClientRefused, "refuses client stranger: status 401"},
		"forbidden":            {func(i *logintest.Issuer, _ *Options) { i.Fault = at("token", 403) }, fault.ClientRefused, "status 403"},
		"too many":             {func(i *logintest.Issuer, _ *Options) { i.Fault = at("token", 429) }, fault.IssuerUnreachable, "status 429"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := logintest.New(t)
			o := Options{Issuer: issuer.URL, Client: "pocctl-editor", Secret: secret("editor")}
			test.change(issuer, &o)
			_, err := New(t.Context(), o).Token()
			refused := fault.From(err)
			if refused == nil || refused.Code != test.code || !strings.Contains(refused.Message, test.message) || refused.Fix == "" {
				t.Errorf("got %v, want %s with %q", err, test.code, test.message)
			}
			if err != nil && strings.Contains(err.Error(), "wrong") {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
}

func TestSecretGoesNowhereInTheClear(t *testing.T) {
	_, err := Options{Issuer: "https://id.example.org", HTTP: &http.Client{Transport: discovery(
		`{"issuer":"https://id.example.org","token_endpoint":"http://id.example.org/token"}`)}}.discover(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("got %v", err)
	}
}

// discovery answers every request with a document.
type discovery string

func (d discovery) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: readCloser{strings.NewReader(string(d))}}, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// A refused secret is read again, and a failure to read one is passed on.
func TestSecretIsReadAgain(t *testing.T) {
	issuer := logintest.New(t)
	gone := errors.New("no such secret")
	reads := []struct {
		value string
		err   error
	}{{"", gone}, {"old", nil}, {"editor", nil}}
	source := New(t.Context(), Options{Issuer: issuer.URL, Client: "pocctl-editor", Secret: func(context.Context) (string, error) {
		next := reads[0]
		reads = reads[1:]
		return next.value, next.err
	}})
	if _, err := source.Token(); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if _, err := source.Token(); fault.From(err).Code != fault.ClientRefused {
		t.Errorf("got %v", err)
	}
	if token, err := source.Token(); err != nil || token.AccessToken != "pocctl-editor-1" {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestTokenEndsWithItsContext(t *testing.T) {
	hang := make(chan struct{})
	issuer := logintest.New(t)
	issuer.Fault = func(*http.Request) int { <-hang; return 500 }
	defer close(hang)
	source := New(t.Context(), Options{Issuer: issuer.URL, Client: "pocctl-editor", Secret: secret("editor"), Timeout: 50 * time.Millisecond})
	if _, err := source.Token(); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	source = New(ctx, Options{Issuer: issuer.URL, Client: "pocctl-editor", Secret: secret("editor")})
	if _, err := source.Token(); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v", err)
	}
}
