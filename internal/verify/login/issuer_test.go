package login_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/issuer"
	"github.com/pocctl/pocctl/internal/verify/login"
)

// develop starts the issuer that environments have, with secrets that are not all
// letters.
func develop(t *testing.T) issuer.Options {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	started, ended := make(chan net.Addr, 1), make(chan error, 1)
	options := issuer.Options{
		Address: address, URL: "http://" + address + "/issuer", Audience: "pocctl", Password: "correct horse",
		ViewerSecret: "viewer: 100% +/&=", EditorSecret: "éditeur?#", AdminSecret: "administrator",
		LogOutput: io.Discard, Started: func(at net.Addr) { started <- at },
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- issuer.Serve(ctx, options) }()
	select {
	case <-started:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return options
}

func TestTokensOfTheDevelopmentIssuer(t *testing.T) {
	options := develop(t)
	source := func(client, secret string) *login.Source {
		return login.New(t.Context(), login.Options{
			Issuer: options.URL, Client: client, Secret: func(context.Context) (string, error) { return secret, nil },
		})
	}
	for role, secret := range map[string]string{"viewer": options.ViewerSecret, "editor": options.EditorSecret, "admin": options.AdminSecret} {
		token, err := source("pocctl-"+role, secret).Token()
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, options.URL+"/userinfo", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		token.SetAuthHeader(request)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var said struct{ Roles []string }
		err = json.NewDecoder(response.Body).Decode(&said)
		_ = response.Body.Close()
		if diff := cmp.Diff([]string{role}, said.Roles); diff != "" || err != nil {
			t.Errorf("%s: status %d, %v, roles (-want +got):\n%s", role, response.StatusCode, err, diff)
		}
	}
	if _, err := source("pocctl-admin", options.EditorSecret).Token(); fault.From(err).Code != fault.ClientRefused {
		t.Errorf("another's secret: got %v", err)
	}
}
