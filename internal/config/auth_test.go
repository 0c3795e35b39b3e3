package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestAuth(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    Auth
	}{
		"none":            {"kind: local\n", Auth{}},
		"nothing after":   {"kind: local\nauth:\n", Auth{}},
		"of the platform": {"kind: local\nauth: {issuer: $(INGRESS_URL)/issuer, secret: issuer-auth, clients: {viewer: v, editor: e, admin: a}}\n", Auth{Issuer: "$(INGRESS_URL)/issuer", Secret: "issuer-auth", Clients: map[string]string{"viewer": "v", "editor": "e", "admin": "a"}}},
		"elsewhere": {
			"kind: kind\nauth:\n  issuer: https://id.example.org/pool\n  clients: {editor: e}\n  secretEnv: {editor: EDITOR_SECRET}\n  scopes: [pocctl/editor]\n  audience: pocctl\n",
			Auth{Issuer: "https://id.example.org/pool", Clients: map[string]string{"editor": "e"}, SecretEnv: map[string]string{"editor": "EDITOR_SECRET"}, Scopes: []string{"pocctl/editor"}, Audience: "pocctl"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseEnvironment("team.yaml", "/team", []byte(test.content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Auth); diff != "" {
				t.Errorf("auth (-want +got):\n%s", diff)
			}
			if got.Auth.Enabled() != (test.want.Issuer != "") {
				t.Errorf("enabled: %v", got.Auth.Enabled())
			}
		})
	}
}

func TestAuthRefuses(t *testing.T) {
	const clients = ", clients: {editor: e}"
	for _, test := range []struct{ name, auth, message, fix string }{
		{"unknown key", "issuers: x", "auth.issuers is not a known key", `did you mean "issuer"?`},
		{"no issuer", "secret: a" + clients, "line 2: auth.issuer is missing", "$(INGRESS_URL)/issuer"},
		{"no URL", "issuer: id.example.org, secret: a" + clients, `auth.issuer is "id.example.org", which is no http or https URL`, "$(INGRESS_URL)/issuer"},
		{"another scheme", "issuer: ftp://id.example.org, secret: a" + clients, "which is no http or https URL", "http"},
		{"no host", "issuer: 'https:///pool', secret: a" + clients, "which is no http or https URL", "http"},
		{"a query", "issuer: 'https://id.example.org/?pool=1', secret: a" + clients, "which has more than scheme, host and path", "http"},
		{"a password", "issuer: 'https://me:pw@id.example.org', secret: a" + clients, "which has more than scheme, host and path", "http"},
		{"unknown expansion", "issuer: $(HOST)/issuer, secret: a" + clients, "only $(INGRESS_URL) is known", "http"},
		{"expansion within", "issuer: https://$(INGRESS_URL)/issuer, secret: a" + clients, "which does not begin with $(INGRESS_URL)", "http"},
		{"no clients", "issuer: https://id.example.org, secret: a", "auth.clients is missing", "editor: pocctl-editor"},
		{"unknown role", "issuer: https://id.example.org, secret: a, clients: {editr: e}", "auth.clients.editr is for no role", `did you mean "editor"?`},
		{"far role", "issuer: https://id.example.org, secret: a, clients: {root: e}", "auth.clients.root is for no role", "use one of viewer, editor, admin"},
		{"empty client", `issuer: https://id.example.org, secret: a, clients: {editor: ""}`, "auth.clients.editor is empty", "client's id"},
		{"no secret", "issuer: https://id.example.org" + clients, "auth.secret is missing, and so is secretEnv", "EDITOR_SECRET"},
		{"two secrets", "issuer: https://id.example.org, secret: a, secretEnv: {editor: E}" + clients, "auth.secretEnv is given beside secret", "keep one"},
		{"bad Secret", "issuer: https://id.example.org, secret: A_b" + clients, `auth.secret is "A_b"`, "lower-case"},
		{"variable of no role", "issuer: https://id.example.org, secretEnv: {root: E}" + clients, "auth.secretEnv.root is for no role", "use one of"},
		{"variable of no client", "issuer: https://id.example.org, secretEnv: {editor: E, admin: A}" + clients, "auth.secretEnv.admin is for a role without a client", "remove it"},
		{"the secret itself", "issuer: https://id.example.org, secretEnv: {editor: s3cr3t/+}" + clients, "auth.secretEnv.editor is no name of a variable", "never the secret itself"},
		{"client without variable", "issuer: https://id.example.org, secretEnv: {editor: E}, clients: {editor: e, admin: a}", "auth.secretEnv has no variable for admin", "EDITOR_SECRET"},
		{"number for a scope", "issuer: https://id.example.org, secret: a, scopes: [1]" + clients, "auth.scopes[0] is \"1\"; text is wanted", "quotes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseEnvironment("team.yaml", "/team", []byte("kind: local\nauth: {"+test.auth+"}\n"))
			refused(t, err, fault.ConfigInvalid, test.message, test.fix)
		})
	}
}
