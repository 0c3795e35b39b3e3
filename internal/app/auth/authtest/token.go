package authtest

import (
	"encoding/json"
	"maps"
	"testing"
	"time"
)

// Draft is a token before it is signed.
type Draft struct {
	Header map[string]any
	Claims map[string]any
	Key    *Key
}

// Change is one thing about a token that is other than usual.
type Change func(*Draft)

// Token gives a signed token. Without changes it is Ada's, a viewer's, for
// Audience, made now and good for an hour.
func (i *Issuer) Token(t testing.TB, changes ...Change) string {
	t.Helper()
	return i.draft(changes...).sign(t)
}

func (i *Issuer) draft(changes ...Change) Draft {
	key := i.Signer()
	now := time.Now()
	draft := Draft{
		Key:    key,
		Header: map[string]any{"alg": key.Algorithm, "kid": key.ID, "typ": "at+jwt"},
		Claims: map[string]any{
			"iss": i.URL(), "sub": "ada", "aud": Audience, "client_id": "tests", "roles": []string{"viewer"},
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
	}
	for _, change := range changes {
		change(&draft)
	}
	return draft
}

func (d Draft) sign(t testing.TB) string {
	t.Helper()
	input := d.input(t)
	return input + "." + encode(d.Key.sign(t, input))
}

// input is what is signed: header and claims.
func (d Draft) input(t testing.TB) string {
	t.Helper()
	return encode(toJSON(t, d.Header)) + "." + encode(toJSON(t, d.Claims))
}

func toJSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("write JSON: %v", err)
	}
	return text
}

// Claim sets a claim.
func Claim(name string, value any) Change {
	return func(d *Draft) { d.Claims[name] = value }
}

// Claims sets several.
func Claims(claims map[string]any) Change {
	return func(d *Draft) { maps.Copy(d.Claims, claims) }
}

// Without leaves a claim out.
func Without(name string) Change {
	return func(d *Draft) { delete(d.Claims, name) }
}

// Header sets a member of the header; nil leaves it out.
func Header(name string, value any) Change {
	return func(d *Draft) {
		d.Header[name] = value
		if value == nil {
			delete(d.Header, name)
		}
	}
}

// SignedBy has another key sign. The header names it.
func SignedBy(key *Key) Change {
	return func(d *Draft) {
		d.Key = key
		d.Header["alg"], d.Header["kid"] = key.Algorithm, key.ID
	}
}

// Subject sets who the caller is.
func Subject(subject string) Change { return Claim("sub", subject) }

// Roles sets the names of the caller's roles.
func Roles(names ...string) Change { return Claim("roles", names) }

// Lifetime sets when the token begins and ends.
func Lifetime(from, until time.Time) Change {
	return Claims(map[string]any{"iat": from.Unix(), "nbf": from.Unix(), "exp": until.Unix()})
}
