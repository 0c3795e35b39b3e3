package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

// service is the whole API on a database, a Redis and an issuer of its own.
type service struct {
	t      *testing.T
	url    string
	parts  *parts
	logs   *observer.ObservedLogs
	seen   *outcomes
	issuer *authtest.Issuer
	tokens map[auth.Role]string
}

// start makes a service; change may replace parts of it.
func start(t *testing.T, change func(*api.Options)) *service {
	t.Helper()
	parts := newParts(t, postgres.URL(t, postgres.Database(t)))
	issuer := authtest.New(t)
	core, logs := observer.New(zapcore.DebugLevel)
	seen := &outcomes{}
	options := api.Options{
		Catalog: parts.catalog, Orders: parts.orders, Cache: parts.cache, DeadLetters: parts.queue,
		Flags: parts.flags, Objectives: heldTo{}, Auditor: parts.store, Verifier: issuer.Verifier(t),
		Observer: seen, Logger: zap.New(core), Draining: func() bool { return false }, RequestTimeout: 5 * time.Second,
		IssuerURL: issuer.URL(),
		Probes: api.Probes{
			Readiness: func(context.Context) api.Readiness { return api.Readiness{Status: api.Ready} },
			Metrics:   http.NotFoundHandler(),
			Build:     api.Build{Version: "1.2.3", Commit: "c0ffee", Date: "2026-01-02T03:04:05Z", Go: "go1"},
		},
	}
	if change != nil {
		change(&options)
	}
	server := httptest.NewServer(api.New(options))
	t.Cleanup(server.Close)
	s := &service{t: t, url: server.URL, parts: parts, logs: logs, seen: seen, issuer: issuer, tokens: map[auth.Role]string{}}
	for _, role := range []auth.Role{auth.Viewer, auth.Editor, auth.Admin} {
		s.tokens[role] = issuer.Token(t, authtest.Subject("a-"+string(role)), authtest.Roles(string(role)))
	}
	return s
}

// outcomes keeps what the API tells its observer.
type outcomes struct {
	mutex  sync.Mutex
	all    []api.Outcome
	panics int
}

func (o *outcomes) Begin(r *http.Request, _ string) (context.Context, func(api.Outcome)) {
	return r.Context(), func(outcome api.Outcome) {
		o.mutex.Lock()
		defer o.mutex.Unlock()
		o.all = append(o.all, outcome)
	}
}

func (o *outcomes) Panic() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.panics++
}

// of gives the outcome of the request with an ID of the test's own.
func (o *outcomes) of(t *testing.T, id string) api.Outcome {
	t.Helper()
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for _, outcome := range o.all {
		if outcome.RequestID == id {
			return outcome
		}
	}
	t.Fatalf("the observer isn't told of request %s", id)
	return api.Outcome{}
}

// answer is what came back, with its JSON, if it is an object.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
	closes bool // the server won't keep the connection
}

// as gives the headers of a caller with a role.
func (s *service) as(role auth.Role, headers ...string) []string {
	if role == auth.Anonymous {
		return headers
	}
	return append([]string{"Authorization", "Bearer " + s.tokens[role]}, headers...)
}

// call sends a request. headers are name, value pairs.
func (s *service) call(method, path, body string, headers ...string) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("make a request: %v", err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return s.send(request)
}

func (s *service) send(request *http.Request) answer {
	s.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("read the answer to %s %s: %v", request.Method, request.URL.Path, err)
	}
	got := answer{status: response.StatusCode, header: response.Header, text: string(text), closes: response.Close}
	_ = json.Unmarshal(text, &got.body) // it need not be an object
	return got
}

// edit is call as an editor.
func (s *service) edit(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.call(method, path, body, s.as(auth.Editor, headers...)...)
}

func (s *service) create(sku, name string) answer {
	s.t.Helper()
	created := s.edit("POST", "/api/v1/products", draft(sku, name))
	if created.status != http.StatusCreated {
		s.t.Fatalf("create %s: %d %s", sku, created.status, created.text)
	}
	return created
}

func draft(sku, name string) string {
	return `{"sku":"` + sku + `","name":"` + name + `","description":"Fine.","price_minor":1999,"currency":"EUR","stock":7}`
}

func (a answer) id() string { return a.body["id"].(string) }

func (a answer) path() string { return "/api/v1/products/" + a.id() }

func (a answer) expect(t *testing.T, status int, headers ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.text)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if got := a.header.Get(headers[i]); got != headers[i+1] {
			t.Errorf("%s is %q, want %q", headers[i], got, headers[i+1])
		}
	}
}

// expectProblem checks every member that a problem has to have.
func (a answer) expectProblem(t *testing.T, status int, code, field string) {
	t.Helper()
	a.expect(t, status, "Content-Type", "application/problem+json", "Cache-Control", "no-store")
	want := map[string]any{
		"type": "urn:pocctl:problem:" + code, "status": float64(status), "code": code,
		"request_id": a.header.Get("X-Request-Id"),
	}
	if field != "" {
		want["field"] = field
	}
	got := map[string]any{}
	for _, name := range []string{"type", "status", "code", "request_id", "field"} {
		if value, has := a.body[name]; has {
			got[name] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	for _, name := range []string{"title", "detail", "instance"} {
		if text, _ := a.body[name].(string); text == "" {
			t.Errorf("the problem has no %s: %s", name, a.text)
		}
	}
}

// builtInFlags is the file of feature flags that a release is built with.
func builtInFlags(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fresh gives the i-th of several tokens of one subject.
func (s *service) fresh(i int) string {
	s.t.Helper()
	return s.issuer.Token(s.t, authtest.Subject("many-tokens"), authtest.Roles("viewer"), authtest.Claim("jti", fmt.Sprint(i)))
}
