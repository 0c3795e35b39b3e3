package issuer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestThrottle(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	guesses := newThrottle(func() time.Time { return now })
	wrong, right := func() bool { return false }, func() bool { return true }
	for i := range 20 { // what is right costs nothing
		if ok, early := guesses.try("a", right); !ok || early {
			t.Fatalf("the %dth right one: %t, early %t", i+1, ok, early)
		}
	}
	for i := range guessesAtOnce {
		if ok, early := guesses.try("a", wrong); ok || early {
			t.Fatalf("the %dth wrong one: %t, early %t", i+1, ok, early)
		}
	}
	looked := func() bool { t.Error("a guess is looked at too early"); return true }
	if ok, early := guesses.try("a", looked); ok || !early {
		t.Errorf("one more: %t, early %t", ok, early)
	}
	if ok, _ := guesses.try("b", right); !ok {
		t.Error("another has to wait as well")
	}
	now = now.Add(guessEvery)
	if ok, early := guesses.try("a", right); !ok || early {
		t.Errorf("after a while: %t, early %t", ok, early)
	}
}

// However many addresses there are, what is remembered is bounded, and those that
// are too many aren't free to guess.
func TestThrottleIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	guesses := newThrottle(func() time.Time { return now })
	wrong := func() bool { return false }
	for i := range maxThrottled {
		guesses.try(strconv.Itoa(i), wrong)
	}
	for i := range guessesAtOnce {
		if _, early := guesses.try("more-"+strconv.Itoa(i), wrong); early {
			t.Fatalf("the %dth of the rest has to wait", i+1)
		}
	}
	if _, early := guesses.try("yet another", wrong); !early {
		t.Error("the rest may guess without end")
	}
	if len(guesses.known) > maxThrottled+1 {
		t.Errorf("%d are remembered", len(guesses.known))
	}
	now = now.Add(guessesAtOnce * guessEvery)
	guesses.try("later", wrong)
	if len(guesses.known) != 1 {
		t.Errorf("%d are remembered, want the last one alone", len(guesses.known))
	}
}

func TestCaller(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:1": "127.0.0.1", "[::ffff:10.1.2.3]:80": "10.1.2.3",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "@": "@",
	} {
		request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		request.RemoteAddr = address
		request.Header.Set("X-Forwarded-For", "192.0.2.1")
		if got := caller(request); got != want {
			t.Errorf("%s is %q, want %q", address, got, want)
		}
	}
}

func TestGuessedSecretsAreThrottled(t *testing.T) {
	o := good(t)
	start(t, o)
	ask := func(client, secret string) (*oauth2.Token, int) {
		t.Helper()
		config := clientcredentials.Config{ClientID: client, ClientSecret: secret, TokenURL: o.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader}
		token, err := config.Token(t.Context())
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return nil, refused.Response.StatusCode
		}
		if err != nil {
			t.Fatal(err)
		}
		return token, http.StatusOK
	}
	var status int
	for range 2 * guessesAtOnce {
		_, status = ask("pocctl-admin", "guess")
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("many guesses end in %d", status)
	}
	if _, status := ask("pocctl-admin", o.AdminSecret); status != http.StatusTooManyRequests {
		t.Errorf("the right one among guesses is answered with %d", status)
	}
	token, status := ask("pocctl-viewer", o.ViewerSecret)
	if status != http.StatusOK || verify(t, o, token.AccessToken).Role != auth.Viewer {
		t.Errorf("another client is answered with %d", status)
	}
}
