package access_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/provision/aws/access"
)

func TestSign(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	settings := aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "session")}
	token, err := access.Sign(t.Context(), settings, "pocctl-staging", now)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 1, 2, 3, 18, 5, 0, time.UTC); !token.Expires.Equal(want) {
		t.Errorf("it expires at %v, want %v", token.Expires, want)
	}
	encoded, is := strings.CutPrefix(token.Value, "k8s-aws-v1.")
	if !is || strings.ContainsAny(encoded, "+/=") {
		t.Fatalf("the token is %q", token.Value)
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	call, err := url.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	query := call.Query()
	if call.Host != "sts.eu-west-1.amazonaws.com" || query.Get("Action") != "GetCallerIdentity" || query.Get("X-Amz-Expires") != "60" ||
		!strings.Contains(query.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") || query.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("it calls %s", call)
	}
	credential, err := token.Credential()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"expirationTimestamp":"2026-01-02T03:18:05Z","token":"` + token.Value + `"}}`
	if diff := cmp.Diff(want, string(credential)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSignWithoutCredentials(t *testing.T) {
	if _, err := access.Sign(t.Context(), aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("", "", "")}, "pocctl-staging", time.Now()); err == nil {
		t.Error("a token was signed with no credentials")
	}
}

func TestKubeconfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	described := access.Kubeconfig{
		Cluster: "pocctl-staging", Region: "eu-west-1", Endpoint: "https://example.eks.amazonaws.com",
		Authority: base64.StdEncoding.EncodeToString([]byte("certificate")), Program: "/usr/bin/pocctl", Profile: "staging",
	}
	for range 2 { // the second replaces the first
		if err := described.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Users []struct {
			User struct {
				Exec struct {
					Command string
					Args    []string
					Env     []map[string]string
				}
			}
		}
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	call := read.Users[0].User.Exec
	if diff := cmp.Diff([]string{"eks-token", "--cluster", "pocctl-staging", "--region", "eu-west-1"}, call.Args); diff != "" || call.Command != "/usr/bin/pocctl" || call.Env[0]["value"] != "staging" {
		t.Errorf("it calls %+v\n%s", call, diff)
	}
	if others, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".kubeconfig-*")); len(others) > 0 {
		t.Errorf("left behind: %v", others)
	}
	described.Authority = "no base64"
	if err := described.Write(path); err == nil {
		t.Error("a certificate that is none was written")
	}
}
