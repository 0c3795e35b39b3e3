package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

// expectRefused checks that a token was refused, and why.
func expectRefused(t *testing.T, err error, reason auth.Reason) {
	t.Helper()
	var refused *auth.Refused
	if !errors.As(err, &refused) || refused.Reason != reason {
		t.Errorf("got %v, want it refused: %s", err, reason)
	}
}

func newVerifier(t testing.TB, options auth.VerifierOptions) *auth.Verifier {
	t.Helper()
	verifier, err := auth.NewVerifier(options)
	if err != nil {
		t.Fatalf("make a verifier: %v", err)
	}
	return verifier
}

func TestEveryForgeryIsRefusedForItsReason(t *testing.T) {
	issuer := authtest.New(t)
	verifier := issuer.Verifier(t)
	// It knows a good token, and the keys, before the bad ones come.
	if _, err := verifier.Verify(t.Context(), issuer.Token(t)); err != nil {
		t.Fatalf("a good token: %v", err)
	}
	for _, forgery := range issuer.Forgeries(t) {
		t.Run(forgery.Name, func(t *testing.T) {
			for range 2 { // a refused token must not be remembered as a good one
				principal, err := verifier.Verify(t.Context(), forgery.Token)
				expectRefused(t, err, forgery.Reason)
				if principal != (auth.Principal{}) {
					t.Errorf("it gives %+v, want nobody", principal)
				}
			}
		})
	}
}

func TestGoodTokens(t *testing.T) {
	issuer := authtest.New(t)
	end := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	until := authtest.Lifetime(time.Now(), end)
	ada := auth.Principal{Subject: "ada", Client: "tests", Role: auth.Viewer, Expires: end}
	with := func(change func(*auth.Principal)) auth.Principal {
		changed := ada
		change(&changed)
		return changed
	}
	rsa := issuer.AddKey(t, "RS256")
	edwards := issuer.AddKey(t, "EdDSA")
	issuer.AddKey(t, "ES256")
	stranger := authtest.NewKey(t, "stranger", "ES256")
	nobody := func(*auth.VerifierOptions) {}

	tests := map[string]struct {
		options func(*auth.VerifierOptions)
		changes []authtest.Change
		want    auth.Principal
	}{
		"plain":               {nobody, nil, ada},
		"RS256":               {nobody, []authtest.Change{authtest.SignedBy(rsa)}, ada},
		"EdDSA":               {nobody, []authtest.Change{authtest.SignedBy(edwards)}, ada},
		"type JWT":            {nobody, []authtest.Change{authtest.Header("typ", "JWT")}, ada},
		"type in full":        {nobody, []authtest.Change{authtest.Header("typ", "application/AT+JWT")}, ada},
		"no type":             {nobody, []authtest.Change{authtest.Header("typ", nil)}, ada},
		"nonce in at+jwt":     {nobody, []authtest.Change{authtest.Claim("nonce", "n")}, ada},
		"Keycloak's nonce":    {nobody, []authtest.Change{authtest.Header("typ", "JWT"), authtest.Claim("typ", "Bearer"), authtest.Claim("nonce", "n")}, ada},
		"from the first":      {nobody, []authtest.Change{authtest.Claim("nbf", 0), authtest.Without("iat")}, ada},
		"pointers to keys":    {nobody, []authtest.Change{authtest.Header("jku", "http://127.0.0.1:1/"), authtest.Header("x5u", "http://127.0.0.1:1/")}, ada},
		"several audiences":   {nobody, []authtest.Change{authtest.Claim("aud", []string{"other", authtest.Audience})}, ada},
		"just expired":        {nobody, []authtest.Change{authtest.Lifetime(time.Now(), time.Now().Add(-20*time.Second))}, with(func(p *auth.Principal) { p.Expires = time.Now().Add(-20 * time.Second).Truncate(time.Second).UTC() })},
		"clock a bit ahead":   {nobody, []authtest.Change{authtest.Lifetime(time.Now().Add(20*time.Second), end)}, ada},
		"highest role counts": {nobody, []authtest.Change{authtest.Roles("viewer", "admin", "editor", "unknown")}, with(func(p *auth.Principal) { p.Role = auth.Admin })},
		"role as a string":    {nobody, []authtest.Change{authtest.Claim("roles", "openid editor")}, with(func(p *auth.Principal) { p.Role = auth.Editor })},
		"name and client": {
			nobody, []authtest.Change{authtest.Claim("name", "Ada Lovelace"), authtest.Without("client_id"), authtest.Claim("azp", "shop")},
			with(func(p *auth.Principal) { p.Name, p.Client = "Ada Lovelace", "shop" }),
		},
		"a name that isn't a line": {
			nobody, []authtest.Change{authtest.Claim("name", "A\nda"), authtest.Claim("preferred_username", "ada.l"), authtest.Claim("client_id", 7), authtest.Claim("cid", "okta")},
			with(func(p *auth.Principal) { p.Name, p.Client = "ada.l", "okta" }),
		},
		"Cognito": {
			func(o *auth.VerifierOptions) {
				o.AudienceClaim, o.RolesClaim, o.Audiences = "client_id", "cognito:groups", []string{"other", "tests"}
				o.RoleNames = map[string]auth.Role{"shop-admins": auth.Admin}
			},
			[]authtest.Change{
				authtest.Without("aud"), authtest.Without("roles"), authtest.Header("typ", nil), authtest.Claim("token_use", "access"),
				authtest.Claim("cognito:groups", []string{"shop-admins"}), authtest.Claim("username", "ada.l"),
			},
			with(func(p *auth.Principal) { p.Name, p.Role = "ada.l", auth.Admin }),
		},
		"Keycloak": {
			func(o *auth.VerifierOptions) { o.RolesClaim = "resource_access.shop.roles" },
			[]authtest.Change{
				authtest.Roles("admin"), authtest.Claim("typ", "Bearer"),
				authtest.Claim("resource_access", map[string]any{"shop": map[string]any{"roles": []string{"editor"}}}),
			},
			with(func(p *auth.Principal) { p.Role = auth.Editor }),
		},
		"a claim with dots in its name": {
			func(o *auth.VerifierOptions) { o.RolesClaim = "https://example.com/roles" },
			[]authtest.Change{authtest.Claim("https://example.com/roles", []string{"editor"})},
			with(func(p *auth.Principal) { p.Role = auth.Editor }),
		},
		"default role": {
			func(o *auth.VerifierOptions) { o.DefaultRole = auth.Viewer },
			[]authtest.Change{authtest.Without("roles")}, ada,
		},
		"default role of who has an unknown one": {
			func(o *auth.VerifierOptions) { o.DefaultRole = auth.Viewer },
			[]authtest.Change{authtest.Roles("Admin", "superuser")}, ada,
		},
		"more than the default role": {
			func(o *auth.VerifierOptions) { o.DefaultRole = auth.Viewer },
			[]authtest.Change{authtest.Roles("editor")}, with(func(p *auth.Principal) { p.Role = auth.Editor }),
		},
		"keys at a known place": {func(o *auth.VerifierOptions) { o.JWKSURL = issuer.JWKSURL() }, nil, ada},
		"somebody else's public key brought along": {
			nobody, []authtest.Change{authtest.Header("kid", issuer.Signer().ID), authtest.Header("x5t", stranger.ID)}, ada,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options := issuer.Options()
			test.options(&options)
			verifier := newVerifier(t, options)
			token := issuer.Token(t, append([]authtest.Change{until}, test.changes...)...)
			for range 2 {
				got, err := verifier.Verify(t.Context(), token)
				if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
					t.Errorf("verify: %v (-want +got):\n%s", err, diff)
				}
			}
		})
	}
}

func TestOptionsChangeWhatIsRefused(t *testing.T) {
	issuer := authtest.New(t)
	tests := map[string]struct {
		options func(*auth.VerifierOptions)
		changes []authtest.Change
		reason  auth.Reason
	}{
		"algorithm not taken": {
			func(o *auth.VerifierOptions) { o.Algorithms = []string{"RS256"} }, nil, auth.ReasonAlgorithm,
		},
		"client isn't the one": {
			func(o *auth.VerifierOptions) { o.AudienceClaim = "client_id" }, nil, auth.ReasonAudience,
		},
		"own name of a role when others are given": {
			func(o *auth.VerifierOptions) { o.RoleNames = map[string]auth.Role{"shop-admins": auth.Admin} },
			[]authtest.Change{authtest.Roles("admin")}, auth.ReasonRole,
		},
		"path through what isn't an object": {
			func(o *auth.VerifierOptions) { o.RolesClaim = "roles.admin" },
			[]authtest.Change{authtest.Roles("admin")}, auth.ReasonRole,
		},
		"default role doesn't heal a claim of another form": {
			func(o *auth.VerifierOptions) { o.DefaultRole = auth.Viewer },
			[]authtest.Change{authtest.Claim("roles", 1)}, auth.ReasonRole,
		},
		"less skew": {
			func(o *auth.VerifierOptions) { o.ClockSkew = time.Second },
			[]authtest.Change{authtest.Lifetime(time.Now().Add(-time.Minute), time.Now().Add(-20*time.Second))}, auth.ReasonExpired,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options := issuer.Options()
			test.options(&options)
			_, err := newVerifier(t, options).Verify(t.Context(), issuer.Token(t, test.changes...))
			expectRefused(t, err, test.reason)
		})
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	tests := map[string]func(*auth.VerifierOptions){
		"no issuer":                func(o *auth.VerifierOptions) { o.Issuer = "" },
		"issuer isn't a URL":       func(o *auth.VerifierOptions) { o.Issuer = "http://[" },
		"issuer without a scheme":  func(o *auth.VerifierOptions) { o.Issuer = "issuer.example.com" },
		"issuer by file":           func(o *auth.VerifierOptions) { o.Issuer = "file:///etc/passwd" },
		"issuer with a password":   func(o *auth.VerifierOptions) { o.Issuer = "https://user:secret@issuer.example.com" },
		"issuer with a fragment":   func(o *auth.VerifierOptions) { o.Issuer = "https://issuer.example.com#x" },
		"keys by file":             func(o *auth.VerifierOptions) { o.JWKSURL = "file:///keys" },
		"no audience":              func(o *auth.VerifierOptions) { o.Audiences = nil },
		"empty audience":           func(o *auth.VerifierOptions) { o.Audiences = []string{"a", ""} },
		"none":                     func(o *auth.VerifierOptions) { o.Algorithms = []string{"none"} },
		"HS256":                    func(o *auth.VerifierOptions) { o.Algorithms = []string{"RS256", "HS256"} },
		"role that isn't one":      func(o *auth.VerifierOptions) { o.RoleNames = map[string]auth.Role{"x": "root"} },
		"name of no role":          func(o *auth.VerifierOptions) { o.RoleNames = map[string]auth.Role{"": auth.Admin} },
		"name for anonymous":       func(o *auth.VerifierOptions) { o.RoleNames = map[string]auth.Role{"x": auth.Anonymous} },
		"default that isn't one":   func(o *auth.VerifierOptions) { o.DefaultRole = "Admin" },
		"negative skew":            func(o *auth.VerifierOptions) { o.ClockSkew = -1 },
		"stale before it is fresh": func(o *auth.VerifierOptions) { o.MaxStale = time.Second },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			options := auth.VerifierOptions{Issuer: "https://issuer.example.com", Audiences: []string{"a"}}
			if _, err := auth.NewVerifier(options); err != nil {
				t.Fatalf("good options: %v", err)
			}
			change(&options)
			if _, err := auth.NewVerifier(options); err == nil {
				t.Error("they are taken")
			} else if strings.Contains(err.Error(), "secret") {
				t.Error("the password is in the error")
			}
		})
	}
}
