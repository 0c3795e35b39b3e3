package stack

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/oauth2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/login"
)

// Issuer is the URL of the environment's issuer of tokens; empty without one.
func (s *Stack) Issuer() string {
	return strings.ReplaceAll(s.options.Environment.Auth.Issuer, config.IngressURL, s.platform.endpoint())
}

// Token gets an access token of the environment's issuer for a role. Errors are a
// fault.AuthMissing, NotUp, SecretMissing, IssuerUnreachable or ClientRefused.
func (s *Stack) Token(ctx context.Context, role string) (*oauth2.Token, error) {
	environment := s.options.Environment
	auth := environment.Auth
	if !auth.Enabled() {
		return nil, fault.New(fault.AuthMissing, "env", environment.Name)
	}
	here := auth.Secret != "" || strings.Contains(auth.Issuer, config.IngressURL)
	if here && !s.Running(ctx) { // or whatever else has that port would be told the secret
		return nil, fault.New(fault.NotUp, "env", environment.Name)
	}
	return s.tokens(ctx, role).Token()
}

// tokens gives a source of tokens for a role; nil in an environment without an
// issuer. It asks nobody before the first token is wanted.
func (s *Stack) tokens(ctx context.Context, role string) oauth2.TokenSource {
	auth := s.options.Environment.Auth
	if !auth.Enabled() {
		return nil
	}
	return login.New(ctx, login.Options{
		Issuer: s.Issuer(), Client: auth.Clients[role], Scopes: auth.Scopes, Audience: auth.Audience,
		Secret: func(ctx context.Context) (string, error) { return s.clientSecret(ctx, role) },
	})
}

// clientSecret reads the secret of the client for a role where the environment
// says it is.
func (s *Stack) clientSecret(ctx context.Context, role string) (string, error) {
	environment := s.options.Environment
	auth := environment.Auth
	missing := func(fix, detail string, args ...any) error {
		return fault.New(fault.SecretMissing, "client", auth.Clients[role], "detail", fmt.Sprintf(detail, args...), "fix", fix)
	}
	if auth.Clients[role] == "" {
		return "", fault.New(fault.SecretMissing, "client", "for "+role, "detail", "the environment names no such client",
			"fix", "name it under auth.clients in the environment's file")
	}
	if variable := auth.SecretEnv[role]; variable != "" {
		value := os.Getenv(variable)
		if value == "" {
			return "", missing("set it to the client's secret", "the variable %s is not set", variable)
		}
		return value, nil
	}
	client, err := s.Deployer()
	if err != nil {
		return "", err
	}
	secret, err := client.Kubernetes().CoreV1().Secrets(environment.Namespace).Get(ctx, auth.Secret, metav1.GetOptions{})
	again := "deploy again: pocctl deploy" + s.flag()
	switch {
	case apierrors.IsNotFound(err):
		return "", missing(again, "namespace %s has no Secret %s", environment.Namespace, auth.Secret)
	case err != nil:
		return "", fmt.Errorf("read Secret %s: %w", auth.Secret, err)
	case len(secret.Data[role]) == 0:
		return "", missing(again, "the Secret %s has no key %s", auth.Secret, role)
	}
	return string(secret.Data[role]), nil
}
