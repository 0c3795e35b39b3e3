package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

// stand is an issuer, and a verifier with a clock that the test moves.
type stand struct {
	*authtest.Issuer
	*clock
	*watcher
	verifier *auth.Verifier
	t        *testing.T
}

func newStand(t *testing.T, change func(*auth.VerifierOptions)) stand {
	t.Helper()
	s := stand{Issuer: authtest.New(t), clock: &clock{}, watcher: &watcher{}, t: t}
	options := s.Options()
	options.Now, options.Observer = s.Now, s.watcher
	if change != nil {
		change(&options)
	}
	s.verifier = newVerifier(t, options)
	return s
}

// good checks that a token is taken, and how it was found to be good.
func (s stand) good(token, how string) {
	s.t.Helper()
	s.take()
	if _, err := s.verifier.Verify(s.t.Context(), token); err != nil {
		s.t.Fatalf("a good token: %v", err)
	}
	if diff := cmp.Diff([]string{how}, s.take()); diff != "" {
		s.t.Errorf("found good (-want +got):\n%s", diff)
	}
}

func (s stand) refused(token string, reason auth.Reason) {
	s.t.Helper()
	_, err := s.verifier.Verify(s.t.Context(), token)
	expectRefused(s.t, err, reason)
}

func (s stand) unavailable(token string) {
	s.t.Helper()
	if _, err := s.verifier.Verify(s.t.Context(), token); !errors.Is(err, auth.ErrIssuerUnavailable) {
		s.t.Errorf("got %v, want ErrIssuerUnavailable", err)
	}
}

func (s stand) fetched(want int64) {
	s.t.Helper()
	if got := s.Fetches(); got != want {
		s.t.Errorf("the keys were fetched %d times, want %d", got, want)
	}
}

func long(s stand) string {
	return s.Token(s.t, authtest.Lifetime(time.Now(), time.Now().Add(1000*time.Hour)))
}

func TestTokensAreRememberedUntilTheyExpire(t *testing.T) {
	s := newStand(t, nil)
	token := s.Token(t, authtest.Lifetime(time.Now(), time.Now().Add(time.Minute)))
	s.good(token, auth.ResultVerified)
	s.good(token, auth.ResultCached)
	s.move(70 * time.Second)
	s.good(token, auth.ResultVerified) // within the skew, but no longer remembered
	s.good(token, auth.ResultVerified)
	s.move(21 * time.Second)
	s.refused(token, auth.ReasonExpired)
	s.fetched(1)
}

func TestNoMoreIsRememberedThanWanted(t *testing.T) {
	s := newStand(t, func(o *auth.VerifierOptions) { o.CacheSize = 4 })
	var tokens []string
	for i := range 4 {
		token := s.Token(t, authtest.Subject(fmt.Sprint(i)))
		tokens = append(tokens, token)
		s.good(token, auth.ResultVerified)
		s.good(tokens[0], auth.ResultCached) // what is used stays
	}
	s.good(tokens[1], auth.ResultVerified)

	none := newStand(t, func(o *auth.VerifierOptions) { o.CacheSize = -1 })
	token := none.Token(t)
	none.good(token, auth.ResultVerified)
	none.good(token, auth.ResultVerified)
}

func TestANewKeyIsFound(t *testing.T) {
	s := newStand(t, nil)
	before := s.Token(t)
	s.good(before, auth.ResultVerified)
	s.move(time.Minute)
	s.Rotate(t)
	s.good(s.Token(t), auth.ResultVerified)
	s.good(before, auth.ResultCached) // its key stays the same
	s.fetched(2)
}

func TestAWithdrawnKeyTakesItsTokensAlong(t *testing.T) {
	s := newStand(t, nil)
	before := s.Token(t)
	s.good(before, auth.ResultVerified)
	s.good(before, auth.ResultCached)
	s.Rotate(t)
	s.Withdraw()
	s.move(time.Minute)
	s.good(s.Token(t), auth.ResultVerified) // the new key is fetched, and the old one gone
	s.refused(before, auth.ReasonKey)
	s.refused(before, auth.ReasonKey)
}

func TestAWithdrawnKeyIsNoticedWithoutANewOne(t *testing.T) {
	s := newStand(t, nil)
	before := s.Token(t)
	s.good(before, auth.ResultVerified)
	s.Rotate(t)
	s.Withdraw()
	s.move(6 * time.Minute) // past Refresh: fetched beside, while requests go on
	eventually(t, "the refusal of a withdrawn key's token", func() bool {
		_, err := s.verifier.Verify(t.Context(), before)
		var refused *auth.Refused
		return errors.As(err, &refused) && refused.Reason == auth.ReasonKey
	})
}

func TestAfterALongSilenceTheFirstWaitsForFreshKeys(t *testing.T) {
	s := newStand(t, nil)
	before := s.Token(t, authtest.Lifetime(time.Now(), time.Now().Add(10*time.Hour)))
	s.good(before, auth.ResultVerified)
	s.Rotate(t)
	s.Withdraw()
	s.move(5 * time.Hour)
	s.refused(before, auth.ReasonKey) // at once, though it was remembered
	s.fetched(2)
}

func TestAnotherKeyUnderTheSameIDIsFound(t *testing.T) {
	s := newStand(t, nil)
	before := s.Token(t)
	s.good(before, auth.ResultVerified)
	s.Replace(t)
	token := s.Token(t)
	for range 100 {
		s.refused(token, auth.ReasonSignature) // too early to ask again
	}
	s.fetched(1)
	s.move(4 * time.Second)
	s.good(token, auth.ResultVerified)
	s.refused(before, auth.ReasonSignature)
	s.fetched(2)

	// With the issuer away, what doesn't fit is refused as before.
	s.Down()
	s.move(4 * time.Second)
	s.refused(before, auth.ReasonSignature)
}

func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	s := newStand(t, nil)
	s.good(s.Token(t), auth.ResultVerified)
	stranger := authtest.NewKey(t, "stranger", "ES256")
	unknown := func(i int) string {
		return s.Token(t, authtest.SignedBy(stranger), authtest.Header("kid", fmt.Sprint("random-", i)))
	}
	s.move(time.Minute)
	var all sync.WaitGroup
	for i := range 200 {
		token := unknown(i)
		all.Go(func() {
			_, err := s.verifier.Verify(t.Context(), token)
			expectRefused(t, err, auth.ReasonKey)
		})
	}
	all.Wait()
	s.fetched(2)
	s.move(2 * time.Second)
	s.refused(unknown(200), auth.ReasonKey)
	s.fetched(2)
	s.move(2 * time.Second)
	s.refused(unknown(201), auth.ReasonKey)
	s.fetched(3)

	// A new key is found all the same, once it may be looked for.
	s.Rotate(t)
	token := s.Token(t)
	s.refused(token, auth.ReasonKey)
	s.move(4 * time.Second)
	s.good(token, auth.ResultVerified)
}

func TestAnotherIssuersTokensAreNoReasonToFetch(t *testing.T) {
	s, other := newStand(t, nil), authtest.New(t)
	for range 3 {
		s.refused(other.Token(t), auth.ReasonIssuer)
	}
	s.fetched(0)
	if other.Fetches() != 0 {
		t.Error("the other issuer was asked")
	}
}

func TestATokenThatNamesNoKeyIsNoReasonToFetch(t *testing.T) {
	s := newStand(t, nil)
	s.refused(s.Token(t, authtest.Header("kid", nil)), auth.ReasonKey)
	s.fetched(0)
}

func TestManyFirstTokensFetchOnce(t *testing.T) {
	s := newStand(t, nil)
	s.Hang()
	var all sync.WaitGroup
	for range 50 {
		token := s.Token(t)
		all.Go(func() {
			if _, err := s.verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("a good token: %v", err)
			}
		})
	}
	s.Up()
	all.Wait()
	s.fetched(1)
}

func TestKnownKeysServeWhileTheIssuerIsAway(t *testing.T) {
	s := newStand(t, nil)
	known := long(s)
	s.good(known, auth.ResultVerified)
	s.Down()
	s.move(6 * time.Minute) // past Refresh
	s.good(long(s), auth.ResultVerified)
	s.good(known, auth.ResultCached)
	s.move(23 * time.Hour)
	eventually(t, "a fetch that fails", func() bool { return s.verifier.Keys().Err != nil })
	s.good(long(s), auth.ResultVerified)
	s.good(known, auth.ResultCached)
	if state := s.verifier.Keys(); !state.Usable || state.Count != 2 {
		t.Errorf("the keys' state is %+v, want two that are usable", state)
	}

	// A key that isn't known may be good, and can't be judged.
	s.Rotate(t)
	s.unavailable(long(s))

	s.move(time.Hour) // past MaxStale
	s.unavailable(known)
	s.unavailable(known) // too early to ask again
	if state := s.verifier.Keys(); state.Usable {
		t.Errorf("the keys' state is %+v, want them unusable", state)
	}

	s.Up()
	s.move(4 * time.Second)
	s.good(known, auth.ResultVerified)
	s.good(long(s), auth.ResultVerified)
	// A fetch from before may fail after the one that went well; the next one mends that.
	eventually(t, "three keys that are usable, and no error", func() bool {
		state := s.verifier.Keys()
		if state.Err != nil {
			s.move(6 * time.Minute) // past Refresh
			s.good(long(s), auth.ResultVerified)
		}
		return state.Usable && state.Count == 3 && state.Err == nil
	})
}

func TestAnIssuerThatComesLate(t *testing.T) {
	s := newStand(t, nil)
	s.Down()
	token := s.Token(t)
	s.unavailable(token)
	s.Up()
	s.unavailable(token) // it isn't asked again at once
	if err := s.verifier.Warm(t.Context()); !errors.Is(err, auth.ErrIssuerUnavailable) {
		t.Errorf("warm: %v, want ErrIssuerUnavailable", err)
	}
	s.move(300 * time.Millisecond) // and not as rarely as one that answers
	s.good(token, auth.ResultVerified)
	if err := s.verifier.Warm(t.Context()); err != nil {
		t.Errorf("warm: %v", err)
	}
}

func TestAnIssuerThatHangsHoldsNobodyUpWhoseKeyIsKnown(t *testing.T) {
	s := newStand(t, func(o *auth.VerifierOptions) { o.FetchTimeout = 50 * time.Millisecond })
	known := long(s)
	s.good(known, auth.ResultVerified)
	s.Hang()
	s.move(time.Hour)
	// The first waits, in vain, as nobody knows yet that the issuer is away.
	s.good(known, auth.ResultVerified)
	s.move(4 * time.Second)
	s.good(known, auth.ResultCached)
	s.unavailable(s.Token(t, authtest.Header("kid", "unknown")))
	s.Up()
}

func TestWhoLeavesDoesNotWait(t *testing.T) {
	s := newStand(t, nil)
	s.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.verifier.Verify(ctx, s.Token(t))
	if !errors.Is(err, auth.ErrIssuerUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrIssuerUnavailable and the cancellation", err)
	}
	s.Up()
	s.good(s.Token(t), auth.ResultVerified) // the fetch went on for the others
}

func TestWarmFetchesBeforeTheFirstToken(t *testing.T) {
	s := newStand(t, nil)
	if state := s.verifier.Keys(); state.Usable || state.Count != 0 {
		t.Errorf("the keys' state is %+v before the first fetch", state)
	}
	for range 2 {
		if err := s.verifier.Warm(t.Context()); err != nil {
			t.Fatalf("warm: %v", err)
		}
	}
	s.fetched(1)
	s.good(s.Token(t), auth.ResultVerified)
	s.fetched(1)
}
