package authtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// Raw signs a header and claims that are given as text, whatever they are.
func (i *Issuer) Raw(t testing.TB, header, claims string) string {
	t.Helper()
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	return input + "." + encode(i.Signer().sign(t, input))
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// badForms are texts that parsers may differ on.
func (i *Issuer) badForms(t testing.TB) []Forgery {
	t.Helper()
	draft := i.admin()
	good := draft.sign(t)
	header, claims := string(toJSON(t, draft.Header)), string(toJSON(t, draft.Claims))
	parts := strings.Split(good, ".")
	twice := func(object, member string) string { return "{" + member + "," + object[1:] }
	serialized, err := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{
		"a claim twice":               i.Raw(t, header, twice(claims, `"roles":["viewer"]`)),
		"the subject twice":           i.Raw(t, header, twice(claims, `"sub":"bob"`)),
		"a header member twice":       i.Raw(t, twice(header, `"alg":"none"`), claims),
		"a member of a member twice":  i.Raw(t, header, twice(claims, `"realm":{"a":1,"a":2}`)),
		"invalid UTF-8":               i.Raw(t, header, twice(claims, "\"n\":\"\xff\"")),
		"a number too large":          i.Raw(t, header, twice(claims, `"n":1e999`)),
		"claims are a list":           i.Raw(t, header, "["+claims+"]"),
		"claims are null":             i.Raw(t, header, "null"),
		"claims are empty":            i.Raw(t, header, ""),
		"more after the claims":       i.Raw(t, header, claims+"{}"),
		"a NUL after the claims":      i.Raw(t, header, claims+"\x00"),
		"header is a list":            i.Raw(t, "["+header+"]", claims),
		"one part":                    parts[0],
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + "." + parts[2],
		"five parts, as if encrypted": parts[0] + "..." + parts[1] + "." + parts[2],
		"JSON serialization":          string(serialized),
		"spare bits set":              good[:len(good)-1] + string(alphabet[strings.IndexByte(alphabet, good[len(good)-1])|1]),
		"padding":                     good + "==",
		"standard base64":             parts[0] + "." + parts[1] + ".+/" + parts[2][2:],
		"a line break inside":         parts[0] + "." + parts[1] + "\n." + parts[2],
		"space around":                " " + good + " ",
		"a NUL at the end":            good + "\x00",
		"only dots":                   "..",
		"nothing":                     "",
	}
	var all []Forgery
	for name, token := range forms {
		all = append(all, Forgery{name, token, auth.ReasonMalformed})
	}
	return all
}
