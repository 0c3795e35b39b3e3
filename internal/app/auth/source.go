package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
)

// maxDocument is the most that the issuer may answer, in bytes.
const maxDocument = 1 << 20

// source is where the issuer's keys come from. One call of keys at a time.
type source struct {
	client *http.Client
	issuer string
	// given is the keys' URL if it need not be discovered.
	given string
	// found is what was discovered. It is forgotten when it fails, since an
	// issuer may move its keys.
	found *string
}

// keys fetches the keys. Errors never hold what the issuer answered.
func (s source) keys(ctx context.Context) ([]*key, error) {
	at := s.given
	if at == "" {
		at = *s.found
	}
	if at == "" {
		discovered, err := s.discover(ctx)
		if err != nil {
			return nil, fmt.Errorf("discover the issuer's keys: %w", err)
		}
		at = discovered
	}
	document, err := s.get(ctx, at)
	var keys []*key
	if err == nil {
		keys, err = parseKeys(document)
	}
	if err != nil {
		*s.found = ""
		return nil, fmt.Errorf("fetch the issuer's keys: %w", err)
	}
	*s.found = at
	return keys, nil
}

// discover asks the issuer where its keys are: OpenID Connect Discovery 1.0, 4.
func (s source) discover(ctx context.Context) (string, error) {
	document, err := s.get(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var configuration struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &configuration); err != nil {
		return "", errors.New("the issuer's configuration isn't JSON")
	}
	if configuration.Issuer != s.issuer {
		return "", fmt.Errorf("the configuration is that of another issuer than %s; they must be the same to the letter", s.issuer)
	}
	if err := checkURL(configuration.JWKSURI); err != nil {
		return "", fmt.Errorf("the configuration's jwks_uri: %w", err)
	}
	if isSecure(s.issuer) && !isSecure(configuration.JWKSURI) {
		return "", errors.New("the configuration's jwks_uri: must be https, as the issuer is")
	}
	return configuration.JWKSURI, nil
}

func isSecure(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "https"
}

func (s source) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s answers %d", address, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", address, err)
	}
	if len(document) > maxDocument {
		return nil, fmt.Errorf("GET %s answers more than %d bytes", address, maxDocument)
	}
	return document, nil
}
