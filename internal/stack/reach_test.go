package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
)

func TestReach(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), body)
	}))
	t.Cleanup(server.Close)
	client, err := deploy.New(deploy.Options{Config: &rest.Config{Host: server.URL, BearerToken: "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{client: client, platform: &standIn{ingress: "https://a.example.com"}, options: Options{Environment: config.Environment{Endpoints: map[string]string{
		"prometheus": "$(CLUSTER_URL)/monitoring/prometheus:9090", "below": "$(CLUSTER_URL)/monitoring/prometheus:9090/deep", "outside": "$(INGRESS_URL)/prometheus",
	}}}}
	ask := func(name, method, path, body string) string {
		t.Helper()
		address, err := s.reach(name)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(context.Background(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	const root = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy"
	for _, test := range []struct{ name, method, path, body, want string }{
		{"prometheus", "GET", "/api/v1/query?query=up%7Ba%3D%22b%22%7D", "", "GET " + root + "/api/v1/query?query=up%7Ba%3D%22b%22%7D Bearer mine"},
		{"prometheus", "POST", "/api/v1/query", "query=up", "POST " + root + "/api/v1/query Bearer mine query=up"},
		{"prometheus", "GET", "/../../../../secrets", "", "GET " + root + "/secrets Bearer mine"},
		{"prometheus", "GET", "/%2e%2e/%2e%2e/secrets", "", "GET " + root + "/secrets Bearer mine"},
		{"below", "GET", "/x", "", "GET " + root + "/deep/x Bearer mine"},
		{"prometheus", "PUT", "/x", "", "only GET, POST and DELETE come through"},
	} {
		if got := ask(test.name, test.method, test.path, test.body); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got, test.want)
		}
	}
	first, _ := s.reach("prometheus")
	if second, err := s.reach("prometheus"); second != first || err != nil {
		t.Errorf("it is opened twice: %s, %s, %v", first, second, err)
	}
	if outside, err := s.reach("outside"); outside != "https://a.example.com/prometheus" || err != nil {
		t.Errorf("outside: %s, %v", outside, err)
	}
	if none, err := s.reach("none"); none != "" || err != nil {
		t.Errorf("none: %q, %v", none, err)
	}
	if shown := s.Endpoints(); shown["prometheus"] != "" || shown["outside"] == "" {
		t.Errorf("people are shown %v", shown)
	}
}
