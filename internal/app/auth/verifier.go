package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Verifier tells who bears a token. It is safe for concurrent use.
type Verifier struct {
	options    VerifierOptions
	algorithms []jose.SignatureAlgorithm
	keys       *keySet
	remembered *remembered
}

// NewVerifier makes a verifier. It makes no request: the issuer's keys are
// fetched when a token first needs them. Errors: options that can't be used.
func NewVerifier(options VerifierOptions) (*Verifier, error) {
	options, err := options.completed()
	if err != nil {
		return nil, fmt.Errorf("check the options of tokens: %w", err)
	}
	v := &Verifier{
		options:    options,
		remembered: newRemembered(options.CacheSize),
		keys: &keySet{
			source:  source{client: options.HTTPClient, issuer: options.Issuer, given: options.JWKSURL, found: new(string)},
			refresh: options.Refresh, refetch: options.Refetch, retry: options.Retry, maxStale: options.MaxStale, timeout: options.FetchTimeout,
			now: options.Now, fetched: options.Observer.KeysFetched,
		},
	}
	for _, algorithm := range options.Algorithms {
		v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(algorithm))
	}
	return v, nil
}

// Verify tells who bears the token. Errors: *Refused if it isn't good,
// ErrIssuerUnavailable if that can't be told now. Neither has anything of the
// token in it.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	principal, result, err := v.verify(ctx, token)
	v.options.Observer.TokenChecked(result)
	return principal, err
}

func (v *Verifier) verify(ctx context.Context, token string) (principal Principal, result string, err error) {
	if len(token) > MaxTokenBytes {
		return Principal{}, string(ReasonTooLarge), &Refused{ReasonTooLarge}
	}
	hash, now := hashOf(token), v.options.Now()
	if known := v.remembered.get(hash); known != nil && v.keys.current(ctx, now) && known.good(now) {
		return known.principal, ResultCached, nil
	}
	principal, key, err := v.examine(ctx, token)
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		return Principal{}, string(refused.Reason), err
	case err != nil:
		return Principal{}, ResultUnavailable, err
	}
	// What is within the clock's skew past its end isn't remembered.
	if known := (&verified{principal, key}); known.good(v.options.Now()) {
		v.remembered.put(hash, known)
	}
	return principal, ResultVerified, nil
}

// examine checks all there is to check. The issuer comes first, as another's
// tokens are no reason to ask this one for keys; then the signature, and only
// then what the token says.
func (v *Verifier) examine(ctx context.Context, token string) (Principal, *key, error) {
	apart, err := takeApart(token, v.algorithms)
	if err != nil {
		return Principal{}, nil, err
	}
	if apart.claims.text("iss") != v.options.Issuer {
		return Principal{}, nil, &Refused{ReasonIssuer}
	}
	key, err := v.signer(ctx, apart)
	if err != nil {
		return Principal{}, nil, err
	}
	principal, err := v.read(apart)
	return principal, key, err
}

// signer gives the issuer's key that signed the token. A token has to name
// its key. Errors: *Refused, ErrIssuerUnavailable.
func (v *Verifier) signer(ctx context.Context, apart unverified) (*key, error) {
	if apart.kid == "" {
		return nil, &Refused{ReasonKey}
	}
	keys, err := v.keys.find(ctx, apart.kid)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, &Refused{ReasonKey}
	}
	if key := apart.signedBy(keys); key != nil {
		return key, nil
	}
	// The issuer may have another key under the same ID by now.
	if key := apart.signedBy(v.keys.renewed(ctx, apart.kid, keys)); key != nil {
		return key, nil
	}
	return nil, &Refused{ReasonSignature}
}

// read takes the principal from what the token says, which is known to be the
// issuer's word. Errors: *Refused.
func (v *Verifier) read(apart unverified) (Principal, error) {
	said := apart.claims
	if said.isOfAnotherKind(apart.kind) {
		return Principal{}, &Refused{ReasonType}
	}
	expires, ok1 := said.instant("exp")
	from, ok2 := said.instant("nbf")
	issued, ok3 := said.instant("iat")
	if !ok1 || !ok2 || !ok3 || expires.IsZero() || !isLine(said.text("sub"), maxSubject) {
		return Principal{}, &Refused{ReasonMalformed}
	}
	if reason := v.inTime(expires, from, issued); reason != "" {
		return Principal{}, &Refused{reason}
	}
	if audiences, ok := said.strings(v.options.AudienceClaim); !ok || !anyOf(audiences, v.options.Audiences) {
		return Principal{}, &Refused{ReasonAudience}
	}
	role := v.role(said)
	if role == Anonymous {
		return Principal{}, &Refused{ReasonRole}
	}
	return Principal{
		Subject: said.text("sub"),
		Name:    said.line(maxName, "name", "preferred_username", "username"),
		Client:  said.line(maxSubject, "client_id", "azp", "cid"),
		Role:    role,
		Expires: expires,
	}, nil
}

func (v *Verifier) inTime(expires, from, issued time.Time) Reason {
	now, skew := v.options.Now(), v.options.ClockSkew
	switch {
	case !now.Before(expires.Add(skew)):
		return ReasonExpired
	case now.Add(skew).Before(from), now.Add(skew).Before(issued):
		return ReasonNotYetValid
	}
	return ""
}

func anyOf(some, wanted []string) bool {
	return slices.ContainsFunc(some, func(each string) bool { return slices.Contains(wanted, each) })
}

// role gives the highest role that the token names. Values are compared as
// written; those that aren't known count for nothing. A string may list
// several with spaces between, as "scope" does.
func (v *Verifier) role(said claims) Role {
	value := said.at(v.options.RolesClaim)
	names, ok := stringsOf(value)
	if !ok {
		return Anonymous // not even the default: something is wrong with it
	}
	if _, isText := value.(string); isText {
		names = append(names, strings.Fields(names[0])...)
	}
	highest := v.options.DefaultRole
	for _, name := range names {
		if role := v.options.RoleNames[name]; !highest.Allows(role) {
			highest = role
		}
	}
	return highest
}

// Warm fetches the issuer's keys unless they are at hand, so that the first
// token needn't wait. Errors: ErrIssuerUnavailable.
func (v *Verifier) Warm(ctx context.Context) error {
	if v.keys.current(ctx, v.options.Now()) {
		return nil
	}
	if err := v.keys.await(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrIssuerUnavailable, err)
	}
	return nil
}

// KeysState says how things stand with the issuer's keys.
type KeysState struct {
	Count   int       // of keys at hand
	Fetched time.Time // when they were; zero if never
	Usable  bool      // tokens can be judged: they aren't too old
	Err     error     // of the last fetch, if it failed
}

// Keys tells how things stand with the issuer's keys. It makes no request.
func (v *Verifier) Keys() KeysState { return v.keys.state() }
