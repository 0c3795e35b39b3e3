package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/verify/login/logintest"
)

// environmentFile writes an environment whose tokens are those of issuer, which is
// not its own.
func environmentFile(t *testing.T, auth string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte("kind: local\n"+auth), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestToken(t *testing.T) {
	alone(t)
	issuer := logintest.New(t)
	t.Setenv("SHOP_VIEWER", "viewer")
	t.Setenv("SHOP_EDITOR", "editor")
	file := environmentFile(t, "auth:\n  issuer: "+issuer.URL+"\n  clients: {viewer: pocctl-viewer, editor: pocctl-editor}\n  secretEnv: {viewer: SHOP_VIEWER, editor: SHOP_EDITOR}\n")
	if stdout, stderr, code := typed(t, "token", "--env", file); code != 0 || stdout != "pocctl-editor-1\n" || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	before := time.Now()
	stdout, _, code := typed(t, "token", "--env", file, "--as", "viewer", "-o", "json")
	var got tokenAnswer
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %q: %v", code, stdout, err)
	}
	if got.ExpiresAt == nil || got.ExpiresAt.Before(before.Add(59*time.Minute)) || got.ExpiresAt.After(time.Now().Add(time.Hour)) {
		t.Errorf("it ends at %v", got.ExpiresAt)
	}
	got.ExpiresAt = nil
	want := tokenAnswer{Schema: "pocctl.token/v1", AccessToken: "pocctl-viewer-2", TokenType: "Bearer", Role: "viewer", Issuer: issuer.URL}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTokenIsRefused(t *testing.T) {
	alone(t)
	issuer := logintest.New(t)
	t.Setenv("SHOP_SECRET", "wrong")
	here := "auth: {issuer: $(INGRESS_URL)/issuer, secret: issuer-auth, clients: {editor: pocctl-editor}}\n"
	for name, test := range map[string]struct {
		auth, role string
		code       int
		want       string
	}{
		"no such role":   {here, "root", 2, "--as is \"root\": it takes viewer or editor or admin\n  fix   see `pocctl token --help`\n  code  usage\n"},
		"no auth":        {"", "editor", 2, "environment shop names no issuer of tokens\n  fix   name one as auth in the environment's file; docs/environments.md has its keys\n  code  auth-missing\n"},
		"not up":         {here, "editor", 1, "environment shop is not up\n  fix   bring it up: pocctl up\n  code  environment-not-up\n"},
		"no variable":    {"auth: {issuer: " + issuer.URL + ", secretEnv: {editor: NOT_SET_HERE}, clients: {editor: pocctl-editor}}\n", "editor", 1, "code  secret-missing\n"},
		"no such client": {"auth: {issuer: " + issuer.URL + ", secretEnv: {editor: SHOP_SECRET}, clients: {editor: pocctl-editor}}\n", "admin", 1, "the environment names no such client"},
		"refused":        {"auth: {issuer: " + issuer.URL + ", secretEnv: {editor: SHOP_SECRET}, clients: {editor: pocctl-editor}}\n", "editor", 1, "code  client-refused\n"},
		"nobody there":   {"auth: {issuer: 'http://127.0.0.1:1', secretEnv: {editor: SHOP_SECRET}, clients: {editor: pocctl-editor}}\n", "editor", 1, "curl -i http://127.0.0.1:1/.well-known/openid-configuration\n  code  issuer-unreachable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := typed(t, "token", "--env", environmentFile(t, test.auth), "--as", test.role)
			// Lines are wrapped for the terminal; the words are this test's matter.
			plain := func(text string) string { return strings.Join(strings.Fields(text), " ") }
			if code != test.code || stdout != "" || !strings.Contains(plain(stderr), plain(test.want)) {
				t.Errorf("exit %d, want %d\nstdout %q\nstderr %q\nlacks  %q", code, test.code, stdout, stderr, test.want)
			}
		})
	}
	if entries, err := os.ReadDir(os.Getenv("XDG_STATE_HOME")); err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
