package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

func TestAnEmptySetTakesAllTrustAway(t *testing.T) {
	s := newStand(t, nil)
	token := s.Token(t)
	s.good(token, auth.ResultVerified)
	s.answer(map[string]string{"/keys": `{"keys":[]}`})
	s.move(time.Hour)
	s.refused(token, auth.ReasonKey)
}

// answer has the issuer's server say something else at some paths.
func (s stand) answer(texts map[string]string) {
	s.Serve(func(w http.ResponseWriter, r *http.Request) bool {
		text, has := texts[r.URL.Path]
		if has {
			_, _ = w.Write([]byte(strings.ReplaceAll(text, "ISSUER", s.URL())))
		}
		return has
	})
}

func TestAnIssuerThatAnswersNonsenseIsAway(t *testing.T) {
	const configuration = "/.well-known/openid-configuration"
	tests := map[string]struct {
		path, text string
		say        string
	}{
		"configuration isn't JSON":        {configuration, `<html>`, "isn't JSON"},
		"configuration of another":        {configuration, `{"issuer":"https://other.example.com","jwks_uri":"ISSUER/keys"}`, "another issuer"},
		"issuer with a slash":             {configuration, `{"issuer":"ISSUER/","jwks_uri":"ISSUER/keys"}`, "another issuer"},
		"issuer twice":                    {configuration, `{"issuer":"x","issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, "isn't JSON"},
		"no jwks_uri":                     {configuration, `{"issuer":"ISSUER"}`, "jwks_uri"},
		"keys by file":                    {configuration, `{"issuer":"ISSUER","jwks_uri":"file:///etc/passwd"}`, "jwks_uri"},
		"keys at a place with a password": {configuration, `{"issuer":"ISSUER","jwks_uri":"http://a:hidden@127.0.0.1/"}`, "jwks_uri"},
		"keys that aren't there":          {configuration, `{"issuer":"ISSUER","jwks_uri":"ISSUER/none"}`, "answers 404"},
		"keys aren't JSON":                {"/keys", `<html>hidden</html>`, "aren't a JWK set"},
		"keys aren't a set":               {"/keys", `{"key":[]}`, "aren't a JWK set"},
		"keys are null":                   {"/keys", `{"keys":null}`, "aren't a JWK set"},
		"keys are a string":               {"/keys", `{"keys":"hidden"}`, "aren't a JWK set"},
		"keys are endless":                {"/keys", `{"keys":["` + strings.Repeat("hidden", 1<<18) + `"]}`, "more than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.answer(map[string]string{test.path: test.text})
			token := s.Token(t)
			_, err := s.verifier.Verify(t.Context(), token)
			if !errors.Is(err, auth.ErrIssuerUnavailable) || !strings.Contains(err.Error(), test.say) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v, want ErrIssuerUnavailable that says %q and nothing of the answer", err, test.say)
			}
			s.answer(nil)
			s.move(4 * time.Second)
			s.good(token, auth.ResultVerified)
		})
	}
}

func TestKeysThatMoveAreFoundAgain(t *testing.T) {
	s := newStand(t, nil)
	s.good(s.Token(t), auth.ResultVerified)
	s.Rotate(t)
	token := s.Token(t)
	s.Serve(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/keys":
			http.Error(w, "gone", http.StatusGone)
		case "/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, s.URL(), s.URL()+"/elsewhere")
		case "/elsewhere":
			_, _ = w.Write(s.JWKS())
		}
		return true
	})
	s.move(time.Minute)
	s.unavailable(token)
	s.move(4 * time.Second)
	s.good(token, auth.ResultVerified)
}

func TestAnIssuerByHTTPSIsNotLeft(t *testing.T) {
	plain := authtest.New(t)
	const configuration = "/.well-known/openid-configuration"
	tests := map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, self string)
		say    string // empty if it is taken
	}{
		"all by https": {func(w http.ResponseWriter, r *http.Request, self string) {
			if r.URL.Path == configuration {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, self, self+"/keys")
				return
			}
			_, _ = w.Write(plain.JWKS())
		}, ""},
		"a redirect within https": {func(w http.ResponseWriter, r *http.Request, self string) {
			switch r.URL.Path {
			case configuration:
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, self, self+"/moved")
			case "/moved":
				http.Redirect(w, r, self+"/keys", http.StatusFound)
			default:
				_, _ = w.Write(plain.JWKS())
			}
		}, ""},
		"keys by http": {func(w http.ResponseWriter, _ *http.Request, self string) {
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, self, plain.JWKSURL())
		}, "must be https"},
		"a redirect to http": {func(w http.ResponseWriter, r *http.Request, self string) {
			if r.URL.Path == configuration {
				_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, self, self+"/keys")
				return
			}
			http.Redirect(w, r, plain.JWKSURL(), http.StatusFound)
		}, "away from https"},
		"redirects without end": {func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "too many redirects"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var self string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { test.answer(w, r, self) }))
			t.Cleanup(server.Close)
			self = server.URL
			verifier := newVerifier(t, auth.VerifierOptions{Issuer: self, Audiences: []string{authtest.Audience}, HTTPClient: server.Client()})
			_, err := verifier.Verify(t.Context(), plain.Token(t, authtest.Claim("iss", self)))
			if test.say == "" {
				if err != nil {
					t.Errorf("got %v, want it taken", err)
				}
			} else if !errors.Is(err, auth.ErrIssuerUnavailable) || !strings.Contains(err.Error(), test.say) {
				t.Errorf("got %v, want ErrIssuerUnavailable that says %q", err, test.say)
			}
		})
	}
	if plain.Fetches() != 0 {
		t.Error("keys were fetched by http")
	}
}

func TestKeysThatCannotBeUsedAreLeftOut(t *testing.T) {
	s := newStand(t, nil)
	token := s.Token(t)
	good := strings.TrimSuffix(strings.TrimPrefix(string(s.JWKS()), `{"keys":[`), "]}")
	signer := s.Signer().ID
	only := func(keys string) string { return `{"keys":[` + keys + `]}` }
	weak := `{"kty":"RSA","kid":"` + signer + `","e":"AQAB","n":"` + strings.Repeat("_", 170) + `8"}` // 1024 bits
	secret := `{"kty":"oct","kid":"` + signer + `","k":"AAAA"}`
	tests := map[string]struct {
		set  string
		want auth.Reason
	}{
		"beside others": {only(`1, null, {}, {"kty":"new"}, {"kty":"OKP","crv":"X448","x":"AA"}, ` + secret + `, ` + weak + `, ` + good), ""},
		"secret":        {only(secret), auth.ReasonKey},
		"weak":          {only(weak), auth.ReasonKey},
		"no ID":         {only(strings.ReplaceAll(good, `"kid"`, `"id"`)), auth.ReasonKey},
		"to encrypt":    {only(strings.ReplaceAll(good, `"sig"`, `"enc"`)), auth.ReasonKey},
		"to sign":       {only(strings.ReplaceAll(good, `"use":"sig"`, `"key_ops":["sign"]`)), auth.ReasonKey},
		"to verify":     {only(strings.ReplaceAll(good, `"use":"sig"`, `"key_ops":["verify"]`)), ""},
		"not for this":  {only(strings.ReplaceAll(good, `"alg":"ES256"`, `"alg":"ES384"`)), auth.ReasonSignature},
		"for anything":  {only(strings.ReplaceAll(good, `"alg":"ES256",`, ``)), ""},
		"off the curve": {only(strings.ReplaceAll(good, `"y":"`, `"y":"A`)), auth.ReasonKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options := s.Options()
			verifier := newVerifier(t, options)
			s.answer(map[string]string{"/keys": test.set})
			_, err := verifier.Verify(t.Context(), token)
			if test.want != "" {
				expectRefused(t, err, test.want)
			} else if err != nil {
				t.Errorf("got %v, want it taken", err)
			}
		})
	}
}
