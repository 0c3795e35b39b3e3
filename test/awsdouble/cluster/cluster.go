// Package cluster is the EKS cluster of the AWS double: another API server, the
// local environment's, behind an endpoint that takes the tokens that EKS takes.
package cluster

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/replicas"
)

// Cluster is the endpoint, as EKS tells of one.
type Cluster struct {
	Endpoint  string // "https://127.0.0.1:PORT"
	Authority string // the certificate's, PEM in base64
}

// Serve puts an API server behind the endpoint of a cluster, until the test ends.
// Whoever has a token that the account's credentials signed for that cluster's
// name is whoever target's credentials are.
func Serve(t testing.TB, account *cloud.Account, name string, target *rest.Config) Cluster {
	t.Helper()
	transport, err := rest.TransportFor(target)
	if err != nil {
		t.Fatal(err)
	}
	host, err := url.Parse(target.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // watches come as they happen
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(host)
			request.Out.Header.Del("Authorization")
		},
	}
	client, err := kubernetes.NewForConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	services := &serviceProxy{replicas.Ask(client)}
	server := httptest.NewTLSServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if err := authenticate(request, account, name, time.Now()); err != nil {
			refuse(writer, err)
			return
		}
		if services.serve(writer, request) {
			return
		}
		proxy.ServeHTTP(writer, request)
	}))
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return Cluster{Endpoint: server.URL, Authority: base64.StdEncoding.EncodeToString(certificate)}
}

// Values are what the control file has to say for Terraform's cluster to be this.
func (c Cluster) Values() map[string]map[string]any {
	return map[string]map[string]any{"aws_eks_cluster": {
		"endpoint":              c.Endpoint,
		"certificate_authority": []any{map[string]any{"data": c.Authority}},
	}}
}

// refuse answers as an API server does.
func refuse(writer http.ResponseWriter, reason error) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(http.StatusUnauthorized)
	_ = json.NewEncoder(writer).Encode(map[string]any{ // the client has gone
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": http.StatusUnauthorized,
		"message": "Unauthorized: " + reason.Error(),
	})
}

// authenticate checks a token as EKS' authenticator does: it is a call of STS,
// signed before, for this cluster and not long ago.
func authenticate(request *http.Request, account *cloud.Account, name string, now time.Time) error {
	encoded, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer k8s-aws-v1.")
	if !ok {
		return errors.New("no token of EKS'")
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	signed, err := url.Parse(string(text))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	query := signed.Query()
	if query.Get("Action") != "GetCallerIdentity" {
		return fmt.Errorf("the token calls %q", query.Get("Action"))
	}
	made, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if seconds, err := strconv.Atoi(query.Get("X-Amz-Expires")); err != nil || seconds > 900 || now.Sub(made) > 15*time.Minute {
		return fmt.Errorf("the token of %s has expired, or is for too long", made.Format(time.RFC3339))
	}
	control, err := account.Control()
	if err != nil {
		return err
	}
	if control.Credentials != "" {
		return fmt.Errorf("credentials are %s", control.Credentials)
	}
	return verify(request, signed, name, made)
}

// verify signs the same call with the double's key, and compares.
func verify(request *http.Request, signed *url.URL, name string, made time.Time) error {
	scope := strings.Split(signed.Query().Get("X-Amz-Credential"), "/")
	if len(scope) != 5 {
		return errors.New("the token has no credential")
	}
	again := *signed
	query := signed.Query()
	want := query.Get("X-Amz-Signature")
	for key := range query {
		if strings.HasPrefix(key, "X-Amz-") && key != "X-Amz-Expires" {
			query.Del(key)
		}
	}
	again.RawQuery = query.Encode()
	call, err := http.NewRequestWithContext(request.Context(), http.MethodGet, again.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	call.Header.Set("X-K8s-Aws-Id", name)
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of a body that is empty
	resigned, _, err := v4.NewSigner().PresignHTTP(request.Context(), aws.Credentials{AccessKeyID: api.AccessKey, SecretAccessKey: api.SecretKey}, call, empty, scope[3], scope[2], made)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	ours, err := url.Parse(resigned)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if ours.Query().Get("X-Amz-Signature") != want {
		return fmt.Errorf("the token is not signed for the cluster %s by %s", name, api.AccessKey)
	}
	return nil
}
