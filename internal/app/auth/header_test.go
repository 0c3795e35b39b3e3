package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestFromHeader(t *testing.T) {
	long := strings.Repeat("x", auth.MaxTokenBytes)
	tests := map[string]struct {
		values  []string
		token   string
		present bool
		reason  auth.Reason
	}{
		"none":                {nil, "", false, ""},
		"empty list":          {[]string{}, "", false, ""},
		"plain":               {[]string{"Bearer a.b.c"}, "a.b.c", true, ""},
		"small":               {[]string{"bearer a.b.c"}, "a.b.c", true, ""},
		"capitals":            {[]string{"BEARER a.b.c"}, "a.b.c", true, ""},
		"spaces":              {[]string{"Bearer   a.b.c "}, "a.b.c", true, ""},
		"every character":     {[]string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/==", true, ""},
		"longest":             {[]string{"Bearer " + long}, long, true, ""},
		"too long":            {[]string{"Bearer " + long + "x"}, "", false, auth.ReasonTooLarge},
		"two headers":         {[]string{"Bearer a.b.c", "Bearer a.b.c"}, "", false, auth.ReasonHeader},
		"a good and a bad":    {[]string{"Bearer a.b.c", ""}, "", false, auth.ReasonHeader},
		"empty":               {[]string{""}, "", false, auth.ReasonHeader},
		"no token":            {[]string{"Bearer"}, "", false, auth.ReasonHeader},
		"only a space":        {[]string{"Bearer "}, "", false, auth.ReasonHeader},
		"no scheme":           {[]string{"a.b.c"}, "", false, auth.ReasonHeader},
		"another scheme":      {[]string{"Basic YTpi"}, "", false, auth.ReasonHeader},
		"DPoP":                {[]string{"DPoP a.b.c"}, "", false, auth.ReasonHeader},
		"joined":              {[]string{"Bearer a.b.c, Bearer d.e.f"}, "", false, auth.ReasonHeader},
		"two tokens":          {[]string{"Bearer a.b.c d.e.f"}, "", false, auth.ReasonHeader},
		"a tab":               {[]string{"Bearer\ta.b.c"}, "", false, auth.ReasonHeader},
		"a space before":      {[]string{" Bearer a.b.c"}, "", false, auth.ReasonHeader},
		"a line break":        {[]string{"Bearer a.b.c\r\nX-Role: admin"}, "", false, auth.ReasonHeader},
		"a NUL":               {[]string{"Bearer a.b.c\x00"}, "", false, auth.ReasonHeader},
		"quotes":              {[]string{`Bearer "a.b.c"`}, "", false, auth.ReasonHeader},
		"only padding":        {[]string{"Bearer =="}, "", false, auth.ReasonHeader},
		"padding inside":      {[]string{"Bearer a=b"}, "", false, auth.ReasonHeader},
		"other letters":       {[]string{"Bearer é"}, "", false, auth.ReasonHeader},
		"a scheme that folds": {[]string{"Bearer\u017f a.b.c"}, "", false, auth.ReasonHeader},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			token, present, err := auth.FromHeader(test.values)
			if token != test.token || present != test.present {
				t.Errorf("got %q, %t; want %q, %t", token, present, test.token, test.present)
			}
			if test.reason != "" {
				expectRefused(t, err, test.reason)
			} else if err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"no token":      {auth.ErrUnauthenticated, `Bearer realm="pocctl"`},
		"bad token":     {fmt.Errorf("call: %w", &auth.Refused{Reason: auth.ReasonExpired}), `Bearer realm="pocctl", error="invalid_token", error_description="it has expired"`},
		"role too low":  {&auth.Forbidden{Operation: "listAudit", Needs: auth.Admin}, `Bearer realm="pocctl", error="insufficient_scope", scope="admin"`},
		"unknown":       {auth.Authorize(auth.Principal{Subject: "ada", Role: auth.Admin}, "unknown"), `Bearer realm="pocctl", error="insufficient_scope"`},
		"issuer away":   {auth.ErrIssuerUnavailable, ""},
		"another error": {errors.New("other"), ""},
		"none":          {nil, ""},
	}
	for name, test := range tests {
		if got := auth.Challenge(test.err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func reasons() []auth.Reason {
	return []auth.Reason{
		auth.ReasonHeader, auth.ReasonTooLarge, auth.ReasonMalformed, auth.ReasonType, auth.ReasonAlgorithm,
		auth.ReasonCritical, auth.ReasonIssuer, auth.ReasonKey, auth.ReasonSignature, auth.ReasonExpired,
		auth.ReasonNotYetValid, auth.ReasonAudience, auth.ReasonRole,
	}
}

// error_description has characters of its own: RFC 6750, 3.
func TestReasonsCanBeAnswered(t *testing.T) {
	seen := map[string]bool{(&auth.Refused{Reason: "another"}).Error(): true}
	for _, reason := range reasons() {
		value := auth.InvalidToken(reason)
		if strings.Count(value, `"`) != 6 || strings.ContainsAny(value, "\\\r\n") || strings.IndexFunc(value, func(r rune) bool { return r > '~' }) >= 0 {
			t.Errorf("%s can't be in a header: %s", reason, value)
		}
		text := (&auth.Refused{Reason: reason}).Error()
		if seen[text] {
			t.Errorf("%s says the same as another: %s", reason, text)
		}
		seen[text] = true
	}
	text := (&auth.Forbidden{Needs: auth.Editor}).Error()
	if text != "this needs the role editor" {
		t.Errorf("forbidden says %q", text)
	}
}
