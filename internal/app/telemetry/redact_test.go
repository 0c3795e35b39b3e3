package telemetry

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

func TestRedactReplacesSecrets(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	for _, test := range []struct{ text, want string }{
		{"postgres://app:hunter2@db:5432/app", "postgres://[redacted]@db:5432/app"},
		{"postgres://app:p@ss@db/app", "postgres://[redacted]@db/app"},
		{"postgres://app:pa/ss@db/app?x=1", "postgres://[redacted]@db/app?x=1"},
		{"https://token@example.com and https://u:p@other.example", "https://[redacted]@example.com and https://[redacted]@other.example"},
		{"bearer abc123def", "bearer [redacted]"},
		{"Authorization: Bearer " + jwt, "Authorization: [redacted]"},
		{"Authorization: Basic dTpw\nHost: x", "Authorization: [redacted]\nHost: x"},
		{"proxy-authorization: Digest username=\"x\"", "proxy-authorization: [redacted]\"x\""},
		{"a token " + jwt + " of somebody", "a token [redacted] of somebody"},
		{"Cookie: a=b; session=c", "Cookie: [redacted]"},
		{"Set-Cookie: id=1; HttpOnly", "Set-Cookie: [redacted]"},
		{"host=db password=hunter2 user=app", "host=db password=[redacted] user=app"},
		{"host=db password = 'hunter 2' user=app", "host=db password = '[redacted]' user=app"},
		{"password: hunter", "password: [redacted]"},
		{"/token?access_token=a&client_secret=b&c=d", "/token?access_token=[redacted]&client_secret=[redacted]&c=d"},
		{`{"password":"hunter2","a":1}`, `{"password":"[redacted]","a":1}`},
		{`{"password":"hun\"ter2","a":1}`, `{"password":"[redacted]","a":1}`},
		{`{"Token":123,"a":1}`, `{"Token":"[redacted]","a":1}`},
		{`{"Authorization":["Bearer x"],"a":["b"]}`, `{"Authorization":"[redacted]","a":["b"]}`},
		{`{"credentials":{"a":"]}","b":[1]},"c":1}`, `{"credentials":"[redacted]","c":1}`},
		{`{"body":"{\"password\":\"hunter2\"}"}`, `{"body":"{\"password\":\"[redacted]\"}"}`},
		{`map[Authorization:[Bearer abc] Cookie:[a=b] X:[y]]`, `map[Authorization:[redacted] Cookie:[redacted] X:[y]]`},
		{"X-API-Key: 12ab", "X-API-Key: [redacted]"},
		{"AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=[redacted]"},
		{"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "[redacted]-----END RSA PRIVATE KEY-----"},
		{"-----BEGIN PRIVATE KEY-----\nabc", "[redacted]"},
	} {
		if got := Redact(test.text); got != test.want {
			t.Errorf("Redact(%q)\n got %q\nwant %q", test.text, got, test.want)
		}
	}
}

func TestRedactLeavesLanguageAlone(t *testing.T) {
	for _, text := range []string{
		"", "e", "ey", "b", ":", "://", "a", "-", "bearer", "Bearer ", "password", "password:", "password=", "token: ",
		"the token is refused: it has expired",
		"send Authorization: Bearer with a token of the issuer",
		"send one Authorization header: Bearer, a space, the token",
		"check the options of tokens: the issuer: must be a URL",
		"http://127.0.0.1:8080/api/v1/products/search?q=tea",
		"http://example.com/a/b@c", "listen tcp 127.0.0.1:8080: bind: address already in use",
		"product-cache=on,rate-limiting=on,experimental-search=off,fault-injection=off",
		"basic research", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
		`{"level":"info","time":"2026-01-02T03:04:05Z","message":"request","path":"/api/v1/products"}`,
	} {
		if got := Redact(text); got != text {
			t.Errorf("Redact(%q) = %q, want it as it was", text, got)
		}
		if got := string(redactJSON([]byte(text))); got != text {
			t.Errorf("redactJSON(%q) = %q, want it as it was", text, got)
		}
	}
}

func TestRedactJSONLeavesNothingOfSecretsWithQuotes(t *testing.T) {
	for _, secret := range []string{"hunter2", `hun"ter2`, `hun\ter2`, "hun\nter2", `\"hunter2`, `hunter2\`, "hun ter2", "hun'ter2"} {
		for _, field := range []map[string]any{
			{"password": secret, "z": "kept"},
			{"x": map[string]any{"client_secret": secret}, "z": "kept"},
			{"x": map[string]any{"tokens": []string{secret, secret}}, "z": "kept"},
			{"x": "password=" + strconv.Quote(secret), "z": "kept"},
		} {
			line, err := json.Marshal(field)
			if err != nil {
				t.Fatal(err)
			}
			out := redactJSON(line)
			var read map[string]any
			if err := json.Unmarshal(out, &read); err != nil {
				t.Errorf("%s becomes %s: %v", line, out, err)
				continue
			}
			if read["z"] != "kept" || strings.Contains(string(out), "ter2") {
				t.Errorf("%s becomes %s", line, out)
			}
		}
	}
}

func FuzzRedactJSON(f *testing.F) {
	for _, seed := range []string{`password="x`, `token: {"a":["b"]}`, `Cookie: a\\"b`, `{"authorization":"x"}`, "eyJhbGciOiJSUzI1NiJ9.x", `\\\"secret\\\":\\\"x`, `pwd='a"`, "://a:b@c", "-----BEGIN PRIVATE KEY-----"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		line, err := json.Marshal(map[string]any{"a password": []int{1}, key: value, "z": map[string]any{"nested": []any{value, key, 1.5, nil}}})
		if err != nil {
			t.Skip(err)
		}
		out := redactJSON(line)
		if !json.Valid(out) {
			t.Errorf("%s becomes %s", line, out)
		}
		Redact(key + value)
	})
}
