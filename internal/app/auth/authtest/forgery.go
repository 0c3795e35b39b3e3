package authtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// Forgery is a token that has to be refused, and what for.
type Forgery struct {
	Name   string
	Token  string
	Reason auth.Reason
}

// Sendable tells whether HTTP can carry the token in a header at all. Over
// HTTP a malformed token may be refused for the header's form instead.
func (f Forgery) Sendable() bool {
	return strings.IndexFunc(f.Token, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Forgeries gives every kind of token that has to be refused, wherever tokens
// are taken. All of them ask for the role of an admin.
func (i *Issuer) Forgeries(t testing.TB) []Forgery {
	t.Helper()
	all := i.unsigned(t)
	all = append(all, i.signedWrongly(t)...)
	all = append(all, i.signedByAnother(t)...)
	all = append(all, i.otherKinds(t)...)
	all = append(all, i.badClaims(t)...)
	return append(all, i.badForms(t)...)
}

func (i *Issuer) admin(changes ...Change) Draft {
	return i.draft(append([]Change{Roles("admin")}, changes...)...)
}

// unsigned are tokens that nobody signed.
func (i *Issuer) unsigned(t testing.TB) []Forgery {
	t.Helper()
	var all []Forgery
	for _, name := range []string{"none", "None", "nOnE", ""} {
		unsigned := i.admin(Header("alg", name)).input(t) + "."
		all = append(all, Forgery{"algorithm " + quote(name), unsigned, auth.ReasonAlgorithm})
	}
	good, input := i.admin().sign(t), i.admin().input(t)
	return append(all,
		Forgery{"no algorithm", i.admin(Header("alg", nil)).sign(t), auth.ReasonAlgorithm},
		Forgery{"signature cut off", good[:strings.LastIndexByte(good, '.')+1], auth.ReasonSignature},
		Forgery{"signature cut short", input + "." + encode(i.Signer().sign(t, input)[:60]), auth.ReasonSignature},
	)
}

// signedWrongly are tokens whose signature doesn't fit, or is of a kind that
// everybody can make.
func (i *Issuer) signedWrongly(t testing.TB) []Forgery {
	t.Helper()
	var all []Forgery
	public, err := x509.MarshalPKIXPublicKey(i.Signer().Public())
	if err != nil {
		t.Fatalf("encode a public key: %v", err)
	}
	secrets := map[string][]byte{
		"PEM":  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"DER":  public,
		"JWK":  toJSON(t, i.Signer().jwk()),
		"none": {},
	}
	for name, secret := range secrets {
		input := i.admin(Header("alg", "HS256")).input(t)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		all = append(all, Forgery{"HS256 with the public key as " + name, input + "." + encode(mac.Sum(nil)), auth.ReasonAlgorithm})
	}
	// A viewer's signature on an admin's claims.
	viewer := i.draft().sign(t)
	tampered := i.admin().input(t) + viewer[strings.LastIndexByte(viewer, '.'):]
	all = append(all,
		Forgery{"tampered claims", tampered, auth.ReasonSignature},
		Forgery{"another algorithm than the key's", i.admin(Header("alg", "RS256")).sign(t), auth.ReasonSignature},
	)
	for _, other := range i.others() {
		forged := i.admin(Header("kid", other.ID)).sign(t)
		all = append(all, Forgery{"the ID of another key, for " + other.Algorithm, forged, auth.ReasonSignature})
	}
	return all
}

// signedByAnother are tokens of somebody else's, who has a key too.
func (i *Issuer) signedByAnother(t testing.TB) []Forgery {
	t.Helper()
	impostor := NewKey(t, i.Signer().ID, "ES256")
	stranger := NewKey(t, "stranger", "ES256")
	all := []Forgery{
		{"another's key under the same ID", i.admin(SignedBy(impostor)).sign(t), auth.ReasonSignature},
		{"another's key brought along under the same ID", i.admin(SignedBy(impostor), Header("jwk", impostor.jwk())).sign(t), auth.ReasonSignature},
		{"another's key", i.admin(SignedBy(stranger)).sign(t), auth.ReasonKey},
		{"another's key brought along", i.admin(SignedBy(stranger), Header("jwk", stranger.jwk())).sign(t), auth.ReasonKey},
		{"no key named", i.admin(Header("kid", nil)).sign(t), auth.ReasonKey},
	}
	for _, pointer := range []string{"jku", "x5u"} {
		forged := i.admin(SignedBy(stranger), Header(pointer, i.URL()+"/stranger")).sign(t)
		all = append(all, Forgery{"another's key by " + pointer, forged, auth.ReasonKey})
	}
	for _, id := range []string{
		"../../../../dev/null", "/etc/passwd", "file:///dev/null", "http://127.0.0.1:1/keys", "key-2\x00", "key-2' OR '1'='1",
		"key-2; ls", "$(id)", "KEY-2", " key-2", "{{7*7}}", strings.Repeat("k", 2000),
	} {
		forged := i.admin(SignedBy(stranger), Header("kid", id)).sign(t)
		all = append(all, Forgery{"key ID " + quote(id), forged, auth.ReasonKey})
	}
	return all
}

// otherKinds are what the issuer itself signs for other ends.
func (i *Issuer) otherKinds(t testing.TB) []Forgery {
	t.Helper()
	kinds := map[string][]Change{
		"ID token by nonce":         {Header("typ", "JWT"), Claim("nonce", "n")},
		"ID token by at_hash":       {Header("typ", nil), Claim("at_hash", "h")},
		"ID token as Cognito's":     {Header("typ", nil), Claim("token_use", "id")},
		"ID token as Keycloak's":    {Header("typ", "JWT"), Claim("typ", "ID")},
		"refresh token":             {Header("typ", "JWT"), Claim("typ", "Refresh")},
		"logout token":              {Header("typ", "logout+jwt")},
		"logout token by events":    {Header("typ", "JWT"), Claim("events", map[string]any{})},
		"DPoP proof":                {Header("typ", "dpop+jwt")},
		"token bound to a key":      {Claim("cnf", map[string]any{"jkt": "thumbprint"})},
		"security event token":      {Header("typ", "secevent+jwt")},
		"ID token as an at+jwt too": {Claim("token_use", "id")},
	}
	var all []Forgery
	for name, changes := range kinds {
		all = append(all, Forgery{name, i.admin(changes...).sign(t), auth.ReasonType})
	}
	return all
}

func quote(text string) string {
	if len(text) > 20 {
		text = text[:20] + "…"
	}
	return "“" + strings.ReplaceAll(text, "\x00", "NUL") + "”"
}

// badClaims are well signed, but don't say what is needed.
func (i *Issuer) badClaims(t testing.TB) []Forgery {
	t.Helper()
	now := time.Now()
	cases := []struct {
		name   string
		reason auth.Reason
		change Change
	}{
		{"expired", auth.ReasonExpired, Lifetime(now.Add(-2*time.Hour), now.Add(-time.Hour))},
		{"not yet valid", auth.ReasonNotYetValid, Lifetime(now.Add(time.Hour), now.Add(2*time.Hour))},
		{"begins in the future", auth.ReasonNotYetValid, Claim("nbf", now.Add(time.Hour).Unix())},
		{"made in the future", auth.ReasonNotYetValid, Claim("iat", now.Add(time.Hour).Unix())},
		{"no end", auth.ReasonMalformed, Without("exp")},
		{"end as text", auth.ReasonMalformed, Claim("exp", "9999999999")},
		{"end in milliseconds", auth.ReasonMalformed, Claim("exp", now.UnixMilli())},
		{"end is null", auth.ReasonMalformed, Claim("exp", nil)},
		{"ended at the first", auth.ReasonExpired, Claim("exp", 0)},
		{"negative end", auth.ReasonMalformed, Claim("exp", -1)},
		{"beginning as text", auth.ReasonMalformed, Claim("nbf", "0")},
		{"another audience", auth.ReasonAudience, Claim("aud", "another-service")},
		{"other audiences", auth.ReasonAudience, Claim("aud", []string{"another", "POCCTL", "pocctl "})},
		{"no audience", auth.ReasonAudience, Without("aud")},
		{"empty audience", auth.ReasonAudience, Claim("aud", []string{})},
		{"audience of another form", auth.ReasonAudience, Claim("aud", map[string]any{"pocctl": true})},
		{"another issuer", auth.ReasonIssuer, Claim("iss", "https://issuer.example.com")},
		{"the issuer with a slash", auth.ReasonIssuer, Claim("iss", i.URL()+"/")},
		{"no issuer", auth.ReasonIssuer, Without("iss")},
		{"several issuers", auth.ReasonIssuer, Claim("iss", []string{i.URL()})},
		{"no subject", auth.ReasonMalformed, Without("sub")},
		{"empty subject", auth.ReasonMalformed, Subject("")},
		{"NUL in the subject", auth.ReasonMalformed, Subject("ada\x00")},
		{"line break in the subject", auth.ReasonMalformed, Subject("ada\nadmin")},
		{"long subject", auth.ReasonMalformed, Subject(strings.Repeat("a", 256))},
		{"subject as a number", auth.ReasonMalformed, Claim("sub", 1)},
		{"no role", auth.ReasonRole, Without("roles")},
		{"empty roles", auth.ReasonRole, Roles()},
		{"roles are null", auth.ReasonRole, Claim("roles", nil)},
		{"unknown role", auth.ReasonRole, Roles("superuser")},
		{"role in another case", auth.ReasonRole, Roles("Admin", "ADMIN", "aDmin")},
		{"role with space around", auth.ReasonRole, Roles(" admin", "admin ", "admin\n")},
		{"role with NUL", auth.ReasonRole, Roles("admin\x00", "\x00admin")},
		{"role in other letters", auth.ReasonRole, Roles("аdmin", "admin\u200b", "ａｄｍｉｎ")},
		{"roles joined", auth.ReasonRole, Roles("viewer,admin", "viewer admin", "*")},
		{"roles of another form", auth.ReasonRole, Claim("roles", map[string]any{"admin": true})},
		{"role is true", auth.ReasonRole, Claim("roles", true)},
		{"roles with a number", auth.ReasonRole, Claim("roles", []any{"admin", 1})},
		{"nested roles", auth.ReasonRole, Claim("roles", []any{[]any{"admin"}})},
		{"roles by another claim", auth.ReasonRole, func(d *Draft) { d.Claims["Roles"] = d.Claims["roles"]; delete(d.Claims, "roles") }},
		{"critical extension", auth.ReasonCritical, Header("crit", []string{"exp"})},
		{"unencoded payload", auth.ReasonCritical, func(d *Draft) { d.Header["crit"], d.Header["b64"] = []string{"b64"}, false }},
		{"empty critical", auth.ReasonCritical, Header("crit", []string{})},
		{"key ID as a number", auth.ReasonMalformed, Header("kid", 2)},
		{"huge", auth.ReasonTooLarge, Claim("padding", strings.Repeat("x", auth.MaxTokenBytes))},
	}
	var all []Forgery
	for _, each := range cases {
		all = append(all, Forgery{each.name, i.admin(each.change).sign(t), each.reason})
	}
	return all
}
