package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/fault"
)

// endpoint is where an issuer gives tokens, and how it wants to be told the secret.
type endpoint struct {
	token string
	style oauth2.AuthStyle
}

// mostBody is more than any discovery document.
const mostBody = 1 << 20

// Discovery is the address of an issuer's discovery document.
func Discovery(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// discover asks the issuer where it gives tokens.
func (o Options) discover(ctx context.Context) (*endpoint, error) {
	address := Discovery(o.Issuer)
	refuse := func(format string, args ...any) (*endpoint, error) {
		return nil, o.unreachable("GET "+address, fmt.Sprintf(format, args...))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return refuse("%v", err)
	}
	response, err := o.HTTP.Do(request)
	if err != nil {
		return refuse("%s", plain(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	if err != nil {
		return refuse("%v", err)
	}
	if response.StatusCode != http.StatusOK {
		return refuse("status %d", response.StatusCode)
	}
	var said struct {
		Issuer  string   `json:"issuer"`
		Token   string   `json:"token_endpoint"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return refuse("no discovery document: %v", err)
	}
	if strings.TrimSuffix(said.Issuer, "/") != o.Issuer {
		return refuse("it says that it is %q", said.Issuer)
	}
	token, err := url.Parse(said.Token)
	if err != nil || token.Host == "" {
		return refuse("its token endpoint is %q", said.Token)
	}
	if token.Scheme != "https" && !strings.HasPrefix(o.Issuer, "http://") {
		return refuse("its token endpoint %s would be told the secret in the clear", said.Token)
	}
	found := &endpoint{token: said.Token, style: oauth2.AuthStyleInHeader} // what the standard takes for granted
	if len(said.Methods) > 0 && !slices.Contains(said.Methods, "client_secret_basic") {
		found.style = oauth2.AuthStyleInParams
	}
	return found, nil
}

// explain tells a client that is refused from an issuer that does not answer.
func (o Options) explain(address string, err error) error {
	request := "POST " + address
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) {
		return o.unreachable(request, plain(err))
	}
	status := 0
	if answered.Response != nil {
		status = answered.Response.StatusCode
	}
	detail := fmt.Sprintf("status %d", status)
	for _, more := range []string{answered.ErrorCode, answered.ErrorDescription} {
		if more != "" {
			detail += ", " + more
		}
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status < 500 && answered.ErrorCode != "" {
		return fault.New(fault.ClientRefused, "issuer", o.Issuer, "client", o.Client, "detail", detail)
	}
	return o.unreachable(request, detail)
}

func (o Options) unreachable(request, detail string) error {
	return fault.New(fault.IssuerUnreachable, "issuer", o.Issuer, "request", request, "detail", detail, "url", Discovery(o.Issuer))
}

// plain takes method and URL off an error whose message names them elsewhere.
func plain(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}
