package cli

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestIssuerHelp(t *testing.T) {
	alone(t)
	t.Setenv("POCCTL_PASSWORD", "correct horse") // isn't shown
	stdout, _, code := typed(t, "issuer", "--help")
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	golden(t, filepath.Join("testdata", "pocctl-issuer.txt"), stdout)
}

func TestIssuerIsRefused(t *testing.T) {
	alone(t)
	const secrets = " --password correct-horse --viewer-secret viewer-secret --editor-secret editor-secret"
	for _, test := range []struct{ line, want string }{
		{"issuer", "✗ --url: must be an http or https URL\n  fix   see `pocctl issuer --help`\n  code  usage\n"},
		{"issuer --url https://id.example.com/issuer", "--url: id.example.com isn't this machine, and this is for development alone"},
		{"issuer --url http://127.0.0.1:8081/issuer", "--password: must have 8 characters or more"},
		{"issuer --url http://127.0.0.1:8081/issuer" + secrets, "--admin-secret: must have 8 characters or more"},
		{"issuer --url http://127.0.0.1:8081/issuer --admin-secret admin-secret --rotation 1ms" + secrets, "--rotation: must be at least 1s, or 0"},
		{"issuer --url http://127.0.0.1:8081/issuer --admin-secret admin-secret --address 8081" + secrets, "--address: "},
		{"issuer now", "pocctl issuer takes no argument"},
	} {
		stdout, stderr, code := typed(t, strings.Fields(test.line)...)
		if code != 2 || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%s: exit %d\nstdout %q\nstderr %q\nlacks  %q", test.line, code, stdout, stderr, test.want)
		}
		for _, secret := range []string{"correct-horse", "viewer-secret\n", "editor-secret\n"} {
			if strings.Contains(stderr, secret) {
				t.Errorf("%s: stderr has %q", test.line, secret)
			}
		}
	}
}

// TestIssuerByVariables starts it as the chart does, and stops it.
func TestIssuerByVariables(t *testing.T) {
	alone(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	for name, value := range map[string]string{
		"ADDRESS": address, "URL": "http://" + address + "/issuer", "PASSWORD": "correct horse",
		"VIEWER_SECRET": "viewer-secret", "EDITOR_SECRET": "editor-secret", "ADMIN_SECRET": "admin-secret",
		"KEY_DIRECTORY": t.TempDir(), "ROTATION": "1h", "ALLOW_REMOTE": "false", "AUDIENCE": "pocctl", "LOG_LEVEL": "warn",
	} {
		t.Setenv("POCCTL_"+name, value)
	}
	if _, stderr, code := typed(t, "issuer"); code != 1 || !strings.Contains(stderr, address) {
		t.Errorf("on a port in use: exit %d, %s", code, stderr)
	}
	listener.Close()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- Execute(ctx, Options{Stdin: strings.NewReader(""), Stdout: &log, Stderr: &log}, []string{"issuer"})
	}()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := http.Get("http://" + address + "/issuer/.well-known/openid-configuration")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("discovery is answered with %d", answer.StatusCode)
			}
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ends with %v: %s", err, log.String())
		case <-deadline:
			t.Fatal("it doesn't start")
		case <-tick.C:
		}
	}
	stop()
	if err := <-ended; fault.ExitCode(err) != 0 {
		t.Errorf("it ends with %v", err)
	}
	if text := log.String(); !strings.Contains(text, "never for production") || strings.Contains(text, "secret\"") {
		t.Errorf("the log is %s", text)
	}
}
