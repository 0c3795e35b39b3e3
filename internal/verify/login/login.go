// Package login gets access tokens of an OpenID Connect issuer for a client of
// its own (OAuth 2 client credentials), and renews them before they end.
package login

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Options of a source of tokens.
type Options struct {
	// Issuer is the issuer's URL, under which its discovery document is.
	Issuer string
	// Client is the client's id.
	Client string
	// Secret gives the client's secret when a token is first needed, and again
	// when the issuer has refused it. Its errors are passed on as they are.
	Secret func(context.Context) (string, error)
	// Scopes and Audience are asked for if they are not empty.
	Scopes   []string
	Audience string
	// Timeout bounds getting one token, discovery included; 10 s if zero.
	Timeout time.Duration
	// HTTP sends the requests; one of its own if nil.
	HTTP *http.Client
}

const (
	defaultTimeout = 10 * time.Second
	mostEarly      = time.Minute // before a token ends, at most, it is renewed
)

// Source gives tokens; it is an oauth2.TokenSource. It keeps a token in memory
// until the last fifth of its life, at most a minute, has begun. It may be used by
// many goroutines.
type Source struct {
	ctx     context.Context // oauth2.TokenSource takes none
	options Options
	now     func() time.Time

	mu        sync.Mutex
	endpoint  *endpoint // nil until it has been discovered
	secret    string    // empty until it has been read
	token     *oauth2.Token
	renewFrom time.Time // when token is to be renewed; zero for one that does not end
}

var _ oauth2.TokenSource = (*Source)(nil)

// New makes no request. Those of the source end with ctx.
func New(ctx context.Context, options Options) *Source {
	options.Issuer = strings.TrimSuffix(options.Issuer, "/")
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	if options.HTTP == nil {
		options.HTTP = &http.Client{}
	}
	return &Source{ctx: ctx, options: options, now: time.Now}
}

// Token gives the token at hand or gets one. Errors are those of Options.Secret, a
// fault.IssuerUnreachable or a fault.ClientRefused.
func (s *Source) Token() (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil && (s.renewFrom.IsZero() || s.now().Before(s.renewFrom)) {
		return s.token, nil
	}
	fresh, err := s.get()
	if err != nil {
		if s.token != nil && s.now().Before(s.token.Expiry) {
			return s.token, nil // it still holds, and the next call tries again
		}
		return nil, err
	}
	s.token, s.renewFrom = fresh, time.Time{}
	if !fresh.Expiry.IsZero() {
		early := min(mostEarly, fresh.Expiry.Sub(s.now())/5)
		s.renewFrom = fresh.Expiry.Add(-early)
	}
	return fresh, nil
}

func (s *Source) get() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	if s.secret == "" {
		secret, err := s.options.Secret(ctx)
		if err != nil {
			return nil, err
		}
		s.secret = secret
	}
	if s.endpoint == nil {
		found, err := s.options.discover(ctx)
		if err != nil {
			return nil, err
		}
		s.endpoint = found
	}
	wanted := clientcredentials.Config{
		ClientID: s.options.Client, ClientSecret: s.secret,
		TokenURL: s.endpoint.token, AuthStyle: s.endpoint.style, Scopes: s.options.Scopes,
	}
	if s.options.Audience != "" {
		wanted.EndpointParams = url.Values{"audience": {s.options.Audience}}
	}
	token, err := wanted.Token(context.WithValue(ctx, oauth2.HTTPClient, s.options.HTTP))
	if err != nil {
		// Another issuer, or another secret, may be there next time.
		refused := s.options.explain(s.endpoint.token, err)
		s.endpoint, s.secret = nil, ""
		return nil, refused
	}
	return token, nil
}
