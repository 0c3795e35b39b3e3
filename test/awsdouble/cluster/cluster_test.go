package cluster_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/cluster"
)

// token makes one as aws eks get-token does.
func token(t *testing.T, name, secret string, expires time.Duration) string {
	t.Helper()
	client := sts.NewFromConfig(aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider(api.AccessKey, secret, "")})
	signed, err := sts.NewPresignClient(client).PresignGetCallerIdentity(t.Context(), nil, func(options *sts.PresignOptions) {
		options.ClientOptions = append(options.ClientOptions, func(options *sts.Options) {
			options.APIOptions = append(options.APIOptions,
				smithyhttp.AddHeaderValue("x-k8s-aws-id", name),
				smithyhttp.AddHeaderValue("X-Amz-Expires", fmt.Sprint(int(expires.Seconds()))))
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed.URL))
}

func TestServe(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(writer, "%s as %s", request.URL.Path, request.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	account, err := cloud.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	served := cluster.Serve(t, account, "staging", &rest.Config{Host: server.URL, BearerToken: "admin"})
	authority, err := base64.StdEncoding.DecodeString(served.Authority)
	if err != nil {
		t.Fatal(err)
	}
	get := func(ctx context.Context, token string) string {
		transport, err := rest.TransportFor(&rest.Config{Host: served.Endpoint, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: authority}})
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, served.Endpoint+"/version", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, test := range map[string]struct{ token, credentials, want string }{
		"right":           {token: token(t, "staging", api.SecretKey, time.Minute), want: "/version as Bearer admin"},
		"another cluster": {token: token(t, "prod", api.SecretKey, time.Minute), want: "not signed for the cluster staging"},
		"another's key":   {token: token(t, "staging", "other", time.Minute), want: "not signed for the cluster staging"},
		"too long":        {token: token(t, "staging", api.SecretKey, time.Hour), want: "has expired, or is for too long"},
		"none":            {token: "secret", want: "no token of EKS'"},
		"expired":         {token: token(t, "staging", api.SecretKey, time.Minute), credentials: "expired", want: "credentials are expired"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := account.SetControl(cloud.Control{Credentials: test.credentials}); err != nil {
				t.Fatal(err)
			}
			if got := get(t.Context(), test.token); !strings.Contains(got, test.want) {
				t.Errorf("it answers %q, want %q", got, test.want)
			}
		})
	}
	if values := served.Values()["aws_eks_cluster"]["endpoint"]; values != served.Endpoint {
		t.Errorf("the cluster's endpoint is %v", values)
	}
}
