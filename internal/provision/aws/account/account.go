// Package account opens AWS, and makes sure that it is the right account.
package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/pocctl/pocctl/internal/fault"
)

// Identity is who the credentials are.
type Identity struct {
	Account string `json:"account"`
	ARN     string `json:"arn"`
}

// STS is what Confirm asks.
type STS interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Open reads credentials and settings as the AWS command does: from the environment,
// its files, or the machine's role. Nothing is asked yet.
func Open(ctx context.Context, region string) (aws.Config, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithAppID("pocctl"))
	if err != nil {
		return aws.Config{}, fault.New(fault.CredentialsMissing, "detail", err)
	}
	return settings, nil
}

// Confirm asks whose the credentials are; those of another account than wanted are a
// fault.AccountWrong.
func Confirm(ctx context.Context, api STS, environment, wanted string) (Identity, error) {
	found, err := api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, Explain("ask whose the credentials are", err)
	}
	identity := Identity{Account: aws.ToString(found.Account), ARN: aws.ToString(found.Arn)}
	if identity.Account != wanted {
		return identity, fault.New(fault.AccountWrong, "actual", identity.Account, "wanted", wanted, "env", environment)
	}
	return identity, nil
}

// Explain puts an error of AWS into the catalogue's words; action is what was tried.
func Explain(action string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", action, err)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		if text := err.Error(); strings.Contains(text, "get credentials") || strings.Contains(text, "retrieve credentials") || strings.Contains(text, "refresh cached credentials") {
			return fault.New(fault.CredentialsMissing, "detail", last(text))
		}
		return fault.New(fault.AWSFailed, "action", action, "detail", last(err.Error()), "fix", "check that AWS can be reached from here, and run it again")
	}
	detail := api.ErrorCode() + ": " + api.ErrorMessage()
	switch code := api.ErrorCode(); {
	case slices.Contains([]string{
		"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidAccessKeyId", "AuthFailure",
	}, code):
		return fault.New(fault.CredentialsRefused, "detail", detail)
	case Denied(err):
		return fault.New(fault.AWSFailed, "action", action, "detail", detail, "fix", "have it allowed, or use another role")
	default:
		return fault.New(fault.AWSFailed, "action", action, "detail", detail, "fix", "run it again; if it stays, look at what AWS says")
	}
}

// Denied says whether err is AWS' no to this caller.
func Denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException", "Forbidden",
	}, api.ErrorCode())
}

// last is the innermost part of an error's text: the SDK wraps it many times.
func last(text string) string {
	parts := strings.Split(strings.ReplaceAll(text, "\n", " "), ", ")
	return parts[len(parts)-1]
}
