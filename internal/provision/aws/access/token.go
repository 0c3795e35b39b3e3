// Package access lets people and programs into a cluster of EKS: by tokens that the
// AWS credentials at hand sign, and a kubeconfig that asks pocctl for them.
package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// prefix is how EKS tells its tokens from others.
	prefix = "k8s-aws-v1."
	// clusterHeader names the cluster, so that a token opens no other.
	clusterHeader = "x-k8s-aws-id"
	// signedFor is how long the call may be sent to STS.
	signedFor = time.Minute
	// lasts is how long EKS takes a token, less a minute for clocks that differ.
	lasts = 14 * time.Minute
)

// Token is a token for one cluster.
type Token struct {
	Value   string
	Expires time.Time // a minute before EKS refuses it
}

// Sign makes a token for the cluster of that name. Nothing is asked: the token is a
// call of sts:GetCallerIdentity, signed beforehand, that EKS sends
// (https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster).
func Sign(ctx context.Context, settings aws.Config, cluster string, now time.Time) (Token, error) {
	signed, err := sts.NewPresignClient(sts.NewFromConfig(settings)).PresignGetCallerIdentity(ctx, nil, func(options *sts.PresignOptions) {
		options.ClientOptions = append(options.ClientOptions, func(options *sts.Options) {
			options.APIOptions = append(options.APIOptions,
				smithyhttp.AddHeaderValue(clusterHeader, cluster),
				smithyhttp.AddHeaderValue("X-Amz-Expires", strconv.Itoa(int(signedFor.Seconds()))))
		})
	})
	if err != nil {
		return Token{}, fmt.Errorf("sign a token for the cluster %s: %w", cluster, err)
	}
	return Token{
		Value:   prefix + base64.RawURLEncoding.EncodeToString([]byte(signed.URL)),
		Expires: now.Add(lasts).UTC().Truncate(time.Second),
	}, nil
}

// Credential is the token in the form that kubectl takes from a program
// (client.authentication.k8s.io/v1, ExecCredential).
func (t Token) Credential() ([]byte, error) {
	text, err := json.Marshal(map[string]any{
		"apiVersion": credentialVersion, "kind": "ExecCredential",
		"status": map[string]string{"token": t.Value, "expirationTimestamp": t.Expires.Format(time.RFC3339)},
	})
	if err != nil {
		return nil, fmt.Errorf("write the token: %w", err)
	}
	return text, nil
}
