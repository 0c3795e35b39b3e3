package stack

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/internal/deploy"
)

// standIn is a platform whose ingress is where the test says.
type standIn struct {
	platform
	ingress string
	down    bool
}

func (p *standIn) endpoint() string { return p.ingress }

func (p *standIn) connect() (bool, error) { return false, nil }

func (p *standIn) outputs() (map[string]any, error) { return nil, nil }

func (p *standIn) kubeconfig() string { return "" }

func (p *standIn) status(context.Context) PlatformStatus { return PlatformStatus{Running: !p.down} }

func (p *standIn) fingerprint(string) (string, error) { return "", nil }

// clusterWith is a client of an API server that holds one Secret.
func clusterWith(t *testing.T, name string, data map[string][]byte) *deploy.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any = corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Data: data,
		}
		if r.URL.Path != "/api/v1/namespaces/shop/secrets/"+name {
			w.WriteHeader(http.StatusNotFound)
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	// JSON, which a stand-in can write.
	client, err := deploy.New(deploy.Options{Namespace: "shop", Config: &rest.Config{
		Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
