package issuer

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestTokensOutliveARotation(t *testing.T) {
	now := time.Now()
	k, err := openKeys("", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first := k.public().Keys[0].KeyID
	if err := k.rotate(); err != nil {
		t.Fatal(err)
	}
	if published := k.public().Keys; len(published) != 2 || published[0].KeyID != first || published[1].KeyID == first {
		t.Errorf("after a rotation %d keys are published", len(published))
	}
	now = now.Add(Lifetime + 2*time.Minute)
	if published := k.public().Keys; len(published) != 1 || published[0].KeyID == first {
		t.Errorf("a key whose tokens have ended is published still")
	}
}

func TestTheKeyIsKept(t *testing.T) {
	directory := t.TempDir()
	first, err := openKeys(directory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openKeys(directory, time.Now)
	if err != nil || again.public().Keys[0].KeyID != first.public().Keys[0].KeyID {
		t.Errorf("another start has another key: %v", err)
	}
	info, err := os.Stat(filepath.Join(directory, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file is %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(directory, keyFile), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(directory, time.Now); err == nil {
		t.Error("a broken key is taken")
	}
}

// A token is good after its key has been replaced and its issuer has been started
// again, and is checked with the key that the file still has.
func TestTokensOutliveARestart(t *testing.T) {
	o := good(t)
	o.KeyDirectory = filepath.Join(t.TempDir(), "made", "here")
	stop := start(t, o)
	config := clientcredentials.Config{ClientID: "pocctl-editor", ClientSecret: o.EditorSecret, TokenURL: o.URL + "/token"}
	// A connection to the first one is of no use for the second.
	once := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
	before, err := config.Token(once)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	k, err := openKeys(o.KeyDirectory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.rotate(); err != nil {
		t.Fatal(err)
	}
	start(t, o)
	after, err := config.Token(once)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{before.AccessToken, after.AccessToken} {
		if who := verify(t, o, token); who.Role != auth.Editor {
			t.Errorf("the token is of %+v", who)
		}
	}
	entries, err := os.ReadDir(o.KeyDirectory)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}

// A key that can't be kept doesn't sign: nobody could check its tokens after a
// restart.
func TestAKeyThatCannotBeKeptDoesNotSign(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "keys")
	k, err := openKeys(directory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	first := k.public().Keys[0].KeyID
	if err := os.RemoveAll(directory); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(directory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.rotate(); err == nil {
		t.Error("a file takes a directory's place, and nothing is said")
	}
	if published := k.public().Keys; len(published) != 1 || published[0].KeyID != first {
		t.Errorf("%d keys are published", len(published))
	}
}

func TestARotatingIssuerSignsWithAnotherKey(t *testing.T) {
	o := good(t)
	o.Rotation = time.Second
	start(t, o)
	config := clientcredentials.Config{ClientID: "pocctl-viewer", ClientSecret: o.ViewerSecret, TokenURL: o.URL + "/token"}
	first, err := config.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		next, err := config.Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if header(t, next.AccessToken) != header(t, first.AccessToken) {
			verify(t, o, next.AccessToken)
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the same key signs still")
		}
	}
	verify(t, o, first.AccessToken)
}

// header is the first part of a token, which names the key.
func header(t *testing.T, token string) string {
	t.Helper()
	name, _, found := strings.Cut(token, ".")
	if !found {
		t.Fatalf("%q is no JWT", token)
	}
	return name
}
