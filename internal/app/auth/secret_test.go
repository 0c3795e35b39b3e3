package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

// leaks tells whether the error, however it is printed, has a part of the
// token in it that is long enough to be one.
func leaks(err error, token string) bool {
	const telling = 8
	printed := fmt.Sprintf("%v %+v %#v %q", err, err, err, err) + auth.Challenge(err)
	for i := 0; i+telling <= len(token); i++ {
		if strings.Contains(printed, token[i:i+telling]) {
			return true
		}
	}
	return false
}

func TestErrorsHoldNothingOfTheToken(t *testing.T) {
	issuer := authtest.New(t)
	verifier := issuer.Verifier(t)
	for _, forgery := range issuer.Forgeries(t) {
		_, err := verifier.Verify(t.Context(), forgery.Token)
		if err == nil || leaks(err, forgery.Token) {
			t.Errorf("%s: %v", forgery.Name, err)
		}
		if _, _, err := auth.FromHeader([]string{"Bearer " + forgery.Token, ""}); err == nil || leaks(err, forgery.Token) {
			t.Errorf("%s, in a header: %v", forgery.Name, err)
		}
	}
	away := issuer.Verifier(t)
	issuer.Down()
	token := issuer.Token(t, authtest.Header("kid", "hunter2-hunter2"), authtest.Subject("ada.lovelace"))
	_, err := away.Verify(t.Context(), token)
	for _, secret := range []string{"hunter2", "lovelace"} {
		if err == nil || leaks(err, token) || strings.Contains(err.Error(), secret) {
			t.Errorf("issuer away: %v", err)
		}
	}
}

func TestTheLeakTestFinds(t *testing.T) {
	if !leaks(fmt.Errorf("bad token: %s", "aaaa.bbbb.cccc"[3:12]), "aaaa.bbbb.cccc") {
		t.Error("it doesn't")
	}
}
