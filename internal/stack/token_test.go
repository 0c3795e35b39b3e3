package stack

import (
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/login/logintest"
)

// guarded is a stack whose issuer is behind its ingress.
func guarded(t *testing.T, issuer *logintest.Issuer) (*Stack, *standIn) {
	t.Helper()
	platform := &standIn{ingress: strings.TrimSuffix(issuer.URL, "/issuer")}
	return &Stack{
		platform: platform,
		client:   clusterWith(t, "issuer-auth", map[string][]byte{"viewer": []byte("viewer"), "editor": []byte("editor"), "admin": []byte("wrong")}),
		options: Options{Environment: config.Environment{Name: "shop", Namespace: "shop", Auth: config.Auth{
			Issuer: config.IngressURL + "/issuer", Secret: "issuer-auth",
			Clients: map[string]string{"viewer": "pocctl-viewer", "editor": "pocctl-editor", "admin": "pocctl-admin"},
		}}},
	}, platform
}

func TestToken(t *testing.T) {
	issuer := logintest.New(t)
	s, _ := guarded(t, issuer)
	if s.Issuer() != issuer.URL {
		t.Errorf("the issuer is %s, want %s", s.Issuer(), issuer.URL)
	}
	for role, want := range map[string]string{"viewer": "pocctl-viewer-", "editor": "pocctl-editor-"} {
		token, err := s.Token(t.Context(), role)
		if err != nil || !strings.HasPrefix(token.AccessToken, want) {
			t.Errorf("%s: got %v, %v", role, token, err)
		}
	}
}

func TestTokenFromElsewhere(t *testing.T) {
	issuer := logintest.New(t)
	s, platform := guarded(t, issuer)
	platform.down = true // it is not asked
	auth := &s.options.Environment.Auth
	auth.Issuer, auth.Secret, auth.SecretEnv = issuer.URL, "", map[string]string{"editor": "EDITOR_SECRET"}
	auth.Scopes, auth.Audience = []string{"shop/write"}, "shop"
	t.Setenv("EDITOR_SECRET", "editor")
	if token, err := s.Token(t.Context(), "editor"); err != nil || token.AccessToken != "pocctl-editor-1-shop/write-shop" {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestTokenIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*Stack, *standIn, *logintest.Issuer)
		role         string
		code         fault.Code
		message, fix string
	}{
		"no auth":   {func(s *Stack, _ *standIn, _ *logintest.Issuer) { s.options.Environment.Auth = config.Auth{} }, "editor", fault.AuthMissing, "environment shop names no issuer", "auth"},
		"not up":    {func(_ *Stack, p *standIn, _ *logintest.Issuer) { p.down = true }, "editor", fault.NotUp, "environment shop is not up", "pocctl up"},
		"no Secret": {func(s *Stack, _ *standIn, _ *logintest.Issuer) { s.options.Environment.Auth.Secret = "other" }, "editor", fault.SecretMissing, "no secret of client pocctl-editor: namespace shop has no Secret other", "pocctl deploy"},
		"no client": {func(s *Stack, _ *standIn, _ *logintest.Issuer) { delete(s.options.Environment.Auth.Clients, "viewer") }, "viewer", fault.SecretMissing, "names no such client", "auth.clients"},
		"no key":    {func(s *Stack, _ *standIn, _ *logintest.Issuer) { s.client = clusterWith(t, "issuer-auth", nil) }, "editor", fault.SecretMissing, "the Secret issuer-auth has no key editor", "pocctl deploy"},
		"no variable": {func(s *Stack, _ *standIn, _ *logintest.Issuer) {
			s.options.Environment.Auth.SecretEnv = map[string]string{"editor": "NOT_SET_HERE"}
		}, "editor", fault.SecretMissing, "the variable NOT_SET_HERE is not set", "set it"},
		"no issuer":    {func(_ *Stack, p *standIn, _ *logintest.Issuer) { p.ingress = "http://127.0.0.1:1" }, "editor", fault.IssuerUnreachable, "the issuer http://127.0.0.1:1/issuer gives no token", "curl -i http://127.0.0.1:1/issuer/.well-known/openid-configuration"},
		"wrong secret": {func(*Stack, *standIn, *logintest.Issuer) {}, "admin", fault.ClientRefused, "refuses client pocctl-admin", "auth"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := logintest.New(t)
			s, platform := guarded(t, issuer)
			test.change(s, platform, issuer)
			_, err := s.Token(t.Context(), test.role)
			refused := fault.From(err)
			if refused == nil || refused.Code != test.code || !strings.Contains(refused.Message, test.message) || !strings.Contains(refused.Fix, test.fix) {
				t.Errorf("got %v, want %s: %q and %q", err, test.code, test.message, test.fix)
			}
			if asked := issuer.Requests(); test.code != fault.ClientRefused && len(asked) > 0 {
				t.Errorf("it was asked all the same: %v", asked)
			}
		})
	}
}

// The secret is not told to what listens on the ingress' port when the environment
// is down, and smoke has a login only where there is an issuer.
func TestSmokeSteps(t *testing.T) {
	issuer := logintest.New(t)
	s, _ := guarded(t, issuer)
	s.options.Environment.Smoke = config.Smoke{Release: "backend", Path: "/api/v1"}
	steps := func() string {
		var names []string
		for _, step := range s.smokeSteps() {
			names = append(names, step.Name)
		}
		return strings.Join(names, " ")
	}
	if got, want := steps(), "smoke/components smoke/migrations smoke/login smoke/transaction"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if asked := issuer.Requests(); len(asked) > 0 {
		t.Errorf("a list of steps asks the issuer: %v", asked)
	}
	s.options.Environment.Auth = config.Auth{}
	if got, want := steps(), "smoke/components smoke/migrations smoke/transaction"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
