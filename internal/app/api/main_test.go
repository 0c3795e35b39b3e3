package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

// service is the whole API on a database and a Redis of its own.
type service struct {
	t     *testing.T
	url   string
	redis *miniredis.Miniredis
	logs  *observer.ObservedLogs
}

// start makes a service; change may replace parts of it.
func start(t *testing.T, change func(*api.Options)) *service {
	t.Helper()
	database := store.Options{
		URL: postgres.URL(t, postgres.Database(t)), MaxConnections: 8,
		ConnectTimeout: 3 * time.Second, StatementTimeout: 5 * time.Second,
	}
	if _, err := store.Migrate(t.Context(), database, time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	products, err := store.New(t.Context(), database)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(products.Close)
	redis := miniredis.RunT(t)
	client, err := cache.Connect(cache.Connection{URL: "redis://" + redis.Addr(), MaxConnections: 8, Timeout: time.Second})
	if err != nil {
		t.Fatalf("connect to Redis: %v", err)
	}
	t.Cleanup(func() { client.Close() })
	metrics := telemetry.NewMetrics("1.2.3", "c0ffee", "go1")
	cached := cache.New(cache.Options{
		Client: client, TTL: time.Minute, LoadTimeout: 5 * time.Second, Observer: metrics, Now: time.Now,
	})
	core, logs := observer.New(zapcore.DebugLevel)
	options := api.Options{
		Catalog: catalog.New(products, cached, time.Now), Cache: cached, Metrics: metrics, Logger: zap.New(core),
		Readiness:      func(context.Context) api.Readiness { return api.Readiness{Status: api.Ready} },
		Draining:       func() bool { return false },
		RequestTimeout: 5 * time.Second,
		Build:          api.Build{Version: "1.2.3", Commit: "c0ffee", Date: "2026-01-02T03:04:05Z", Go: "go1"},
	}
	if change != nil {
		change(&options)
	}
	server := httptest.NewServer(api.New(options))
	t.Cleanup(server.Close)
	return &service{t: t, url: server.URL, redis: redis, logs: logs}
}

// answer is what came back, with its JSON, if it is an object.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
	closes bool // the server won't keep the connection
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
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("read the answer to %s %s: %v", method, path, err)
	}
	got := answer{status: response.StatusCode, header: response.Header, text: string(text), closes: response.Close}
	_ = json.Unmarshal(text, &got.body)
	return got
}

func (s *service) create(sku, name string) answer {
	s.t.Helper()
	created := s.call("POST", "/api/v1/products", draft(sku, name))
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
