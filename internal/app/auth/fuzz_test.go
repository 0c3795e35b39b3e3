package auth_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

func FuzzFromHeader(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer a.b.c", "bearer  a=", "Basic YTpi", "Bearer a, Bearer b", "Bearer a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, present, err := auth.FromHeader([]string{value})
		if present != (err == nil) || present != (token != "") {
			t.Fatalf("token %q, present %t, error %v", token, present, err)
		}
		var refused *auth.Refused
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if err == nil && (!strings.HasSuffix(strings.TrimRight(value, " "), " "+token) || strings.ContainsAny(token, " \t\r\n\x00,\"")) {
			t.Fatalf("%q gives %q", value, token)
		}
	})
}

// Nothing that isn't signed is taken, and no error tells of it.
func FuzzVerifyText(f *testing.F) {
	issuer := authtest.New(f)
	verifier := issuer.Verifier(f)
	for _, forgery := range issuer.Forgeries(f) {
		f.Add(forgery.Token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		principal, err := verifier.Verify(t.Context(), token)
		var refused *auth.Refused
		if !errors.As(err, &refused) || principal != (auth.Principal{}) {
			t.Fatalf("%q gives %+v, %v", token, principal, err)
		}
		if leaks(err, token) {
			t.Fatalf("%q is in %v", token, err)
		}
	})
}

// Whatever a signed token says, what it gives can be relied on.
func FuzzVerifySigned(f *testing.F) {
	issuer := authtest.New(f)
	verifier := issuer.Verifier(f)
	for _, token := range []string{
		issuer.Token(f), issuer.Token(f, authtest.Roles("admin"), authtest.Claim("name", "Ada")),
		issuer.Token(f, authtest.Header("typ", "JWT"), authtest.Claim("nonce", "n")),
	} {
		header, claims, _ := strings.Cut(token, ".")
		claims, _, _ = strings.Cut(claims, ".")
		f.Add(decode(f, header), decode(f, claims))
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		principal, err := verifier.Verify(t.Context(), issuer.Raw(t, header, claims))
		if err != nil {
			var refused *auth.Refused
			if !errors.As(err, &refused) || principal != (auth.Principal{}) {
				t.Fatalf("%q, %q give %+v, %v", header, claims, principal, err)
			}
			return
		}
		if principal.IsAnonymous() || len(principal.Subject) > 255 || strings.ContainsAny(principal.Subject+principal.Name+principal.Client, "\x00\r\n") ||
			!principal.Role.Allows(auth.Viewer) || principal.Expires.IsZero() {
			t.Fatalf("%q, %q give %+v", header, claims, principal)
		}
	})
}

func decode(t testing.TB, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
