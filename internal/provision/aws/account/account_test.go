package account

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/pocctl/pocctl/internal/fault"
)

type answers struct {
	account string
	err     error
}

func (a answers) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: &a.account, Arn: aws.String("arn:aws:iam::" + a.account + ":user/ada")}, a.err
}

func TestConfirm(t *testing.T) {
	identity, err := Confirm(t.Context(), answers{account: "123456789012"}, "staging", "123456789012")
	if err != nil || identity.ARN != "arn:aws:iam::123456789012:user/ada" {
		t.Errorf("got %+v, %v", identity, err)
	}
	for _, test := range []struct {
		name    string
		answers answers
		code    fault.Code
		exit    int
		message string
	}{
		{"another account", answers{account: "999999999999"}, fault.AccountWrong, fault.ExitUsage, "of AWS account 999999999999, and environment staging is for 123456789012"},
		{"expired", answers{err: &smithy.GenericAPIError{Code: "ExpiredToken", Message: "The security token included in the request is expired"}}, fault.CredentialsRefused, fault.ExitFailed, "ExpiredToken"},
		{"wrong key", answers{err: &smithy.GenericAPIError{Code: "InvalidClientTokenId", Message: "x"}}, fault.CredentialsRefused, fault.ExitFailed, "InvalidClientTokenId"},
		{"none", answers{err: errors.New("operation error STS: GetCallerIdentity, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found")}, fault.CredentialsMissing, fault.ExitFailed, "no EC2 IMDS role found"},
		{"no network", answers{err: errors.New("operation error STS, dial tcp: connection refused")}, fault.AWSFailed, fault.ExitFailed, "connection refused"},
		{"denied", answers{err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}}, fault.AWSFailed, fault.ExitFailed, "AccessDenied: no"},
	} {
		_, err := Confirm(t.Context(), test.answers, "staging", "123456789012")
		problem := fault.From(err)
		if err == nil || problem.Code != test.code || fault.ExitCode(err) != test.exit || !strings.Contains(problem.Message, test.message) {
			t.Errorf("%s: got %v (%s)", test.name, err, problem.Code)
		}
	}
	_, err = Confirm(t.Context(), answers{err: context.Canceled}, "staging", "123456789012")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interruption is lost: %v", err)
	}
	if Explain("a", nil) != nil || Denied(errors.New("AccessDenied")) {
		t.Error("nil or a text is taken for an answer of AWS")
	}
}
