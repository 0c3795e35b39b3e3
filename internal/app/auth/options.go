package auth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// VerifierOptions say whose tokens are taken, and how they are read. Issuer
// and Audiences are needed; the rest has defaults.
type VerifierOptions struct {
	// Issuer is the issuer's URL, exactly as its tokens have it in "iss".
	Issuer string
	// Audiences are the names that a token may be meant for; one suffices.
	Audiences []string
	// AudienceClaim is the claim that has the audience, "aud" by default.
	// Cognito's access tokens have none: use "client_id" there.
	AudienceClaim string
	// JWKSURL is where the issuer's keys are. If empty, the issuer is asked,
	// by OpenID Connect discovery.
	JWKSURL string

	// RolesClaim is the claim that has the caller's roles: its name, or a path
	// of names with dots between them. "roles" by default.
	RolesClaim string
	// RoleNames gives the role that each value of the claim stands for; other
	// values stand for none. By default each role goes by its own name.
	RoleNames map[string]Role
	// DefaultRole is that of a token which gives none. If it is empty, such a
	// token is refused.
	DefaultRole Role

	// ClockSkew is by how much the issuer's clock may differ; 30 s by default.
	ClockSkew time.Duration
	// Algorithms are the signature algorithms that are taken: RS256, ES256 and
	// EdDSA by default. Only those with a public key can be.
	Algorithms []string

	// HTTPClient fetches keys; the default follows the environment's proxy.
	HTTPClient *http.Client
	// FetchTimeout bounds one fetch of keys, 3 s by default.
	FetchTimeout time.Duration
	// Refresh is how old keys may be before they are fetched again, 5 minutes
	// by default: that long, at most, a withdrawn key is still taken.
	Refresh time.Duration
	// Refetch is the least time from one fetch that went well to the next, 3 s
	// by default, however many unknown keys are named.
	Refetch time.Duration
	// Retry is the least time from a fetch that failed to the next, 250 ms by
	// default: an issuer that is back is of use at once.
	Retry time.Duration
	// MaxStale is how old keys may be if the issuer can't be reached, 24 hours
	// by default. After that no token is taken.
	MaxStale time.Duration

	// CacheSize is how many verified tokens are remembered until they expire,
	// 10,000 by default; less than 0 is none.
	CacheSize int
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Observer may be nil.
	Observer Observer
}

// Observer is told what becomes of tokens and keys.
type Observer interface {
	// TokenChecked is told once for every token: ResultVerified, ResultCached,
	// ResultUnavailable, or the Reason why it is refused.
	TokenChecked(result string)
	// KeysFetched is told of every fetch of the issuer's keys.
	KeysFetched(err error)
}

// What an Observer is told of a token that isn't refused.
const (
	ResultVerified    = "verified"    // its signature was checked
	ResultCached      = "cached"      // it was checked before
	ResultUnavailable = "unavailable" // it couldn't be judged
)

type nobodyWatches struct{}

func (nobodyWatches) TokenChecked(string) {}
func (nobodyWatches) KeysFetched(error)   {}

// supported are the algorithms with a public key. HS256 and its like have
// none: whoever could check a token could make one.
func supported() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

func orDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// completed gives the options with defaults in place, or says what can't be used.
func (o VerifierOptions) completed() (VerifierOptions, error) {
	orDefault(&o.AudienceClaim, "aud")
	orDefault(&o.RolesClaim, "roles")
	orDefault(&o.ClockSkew, 30*time.Second)
	orDefault(&o.FetchTimeout, 3*time.Second)
	orDefault(&o.Refresh, 5*time.Minute)
	orDefault(&o.Refetch, 3*time.Second)
	orDefault(&o.Retry, 250*time.Millisecond)
	orDefault(&o.MaxStale, 24*time.Hour)
	orDefault(&o.CacheSize, 10_000)
	orDefault[Observer](&o.Observer, nobodyWatches{})
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{string(jose.RS256), string(jose.ES256), string(jose.EdDSA)}
	}
	if o.RoleNames == nil {
		o.RoleNames = map[string]Role{string(Viewer): Viewer, string(Editor): Editor, string(Admin): Admin}
	}
	o.HTTPClient = careful(o.HTTPClient)
	o.Audiences, o.Algorithms, o.RoleNames = slices.Clone(o.Audiences), slices.Clone(o.Algorithms), maps.Clone(o.RoleNames)
	return o, o.validate()
}

// careful gives a client that is not led away from https, unless client has
// rules of its own for redirects.
func careful(client *http.Client) *http.Client {
	if client == nil {
		client = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}}
	}
	if client.CheckRedirect != nil {
		return client
	}
	checked := *client
	checked.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return errors.New("too many redirects")
		case via[0].URL.Scheme == "https" && next.URL.Scheme != "https":
			return errors.New("a redirect away from https")
		}
		return nil
	}
	return &checked
}

const maxRedirects = 3

func (o VerifierOptions) validate() error {
	if err := checkURL(o.Issuer); err != nil {
		return fmt.Errorf("the issuer: %w", err)
	}
	if o.JWKSURL != "" {
		if err := checkURL(o.JWKSURL); err != nil {
			return fmt.Errorf("the URL of the issuer's keys: %w", err)
		}
	}
	if len(o.Audiences) == 0 || slices.Contains(o.Audiences, "") {
		return errors.New("the audiences: name at least one, and none of them empty")
	}
	for _, algorithm := range o.Algorithms {
		if !slices.Contains(supported(), jose.SignatureAlgorithm(algorithm)) {
			return fmt.Errorf("the algorithms: %q isn't one of %v", algorithm, supported())
		}
	}
	for name, role := range o.RoleNames {
		if name == "" || role.rank() < Viewer.rank() {
			return fmt.Errorf("the names of roles: %q stands for %q, which isn't viewer, editor or admin", name, role)
		}
	}
	if o.DefaultRole.rank() < 0 {
		return fmt.Errorf("the default role: %q isn't viewer, editor or admin", o.DefaultRole)
	}
	for name, value := range map[string]time.Duration{
		"clock skew": o.ClockSkew, "time for a fetch of keys": o.FetchTimeout, "age of keys": o.Refresh,
		"time between fetches of keys": o.Refetch, "time to a retry": o.Retry, "greatest age of keys": o.MaxStale,
	} {
		if value < 0 {
			return fmt.Errorf("the %s: must not be negative", name)
		}
	}
	if o.MaxStale < o.Refresh {
		return fmt.Errorf("the greatest age of keys: must be at least %s, after which they are fetched again", o.Refresh)
	}
	return nil
}

// checkURL refuses what can't be asked. Nothing secret may be in it, as it is
// part of errors.
func checkURL(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("isn't a URL")
	case parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "":
		return errors.New("must be an http or https URL with a host")
	case parsed.User != nil:
		return errors.New("must not have a user or a password in it")
	case parsed.Fragment != "":
		return errors.New("must not have a fragment")
	}
	return nil
}
