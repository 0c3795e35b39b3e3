package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/api"
)

func TestVersionAndHealth(t *testing.T) {
	s := start(t, nil)
	want := map[string]any{"version": "1.2.3", "commit": "c0ffee", "date": "2026-01-02T03:04:05Z", "go": "go1"}
	if diff := cmp.Diff(want, s.call("GET", "/version", "").body); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}
	s.call("GET", "/healthz", "").expect(t, 200)
}

func TestReadinessDecidesTheStatus(t *testing.T) {
	for state, status := range map[string]int{api.Ready: 200, api.Degraded: 200, api.NotReady: 503} {
		s := start(t, func(o *api.Options) {
			o.Readiness = func(context.Context) api.Readiness {
				return api.Readiness{Status: state, Migrations: api.Migrations{Current: 1, Head: 2}}
			}
		})
		answer := s.call("GET", "/readyz", "")
		answer.expect(t, status, "Cache-Control", "no-store")
		migrations := answer.body["migrations"].(map[string]any)
		if answer.body["status"] != state || migrations["current"] != 1.0 || migrations["head"] != 2.0 {
			t.Errorf("%s: %s", state, answer.text)
		}
	}
}

func TestRequestIDsAreTakenOrMade(t *testing.T) {
	s := start(t, nil)
	s.call("GET", "/healthz", "", "X-Request-Id", "Abc-1_2.3").expect(t, 200, "X-Request-Id", "Abc-1_2.3")
	for _, bad := range []string{"", "with space", `"quoted"`, "é", strings.Repeat("x", 129)} {
		got := s.call("GET", "/healthz", "", "X-Request-Id", bad).header.Get("X-Request-Id")
		if got == bad || len(got) != 36 {
			t.Errorf("%q was answered with %q, want a new one", bad, got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	s := start(t, nil)
	created := s.create("LOG", "Logged")
	s.call("GET", created.path()+"?token=secret", "", "X-Request-Id", "log-me")
	s.call("GET", "/healthz", "")
	logged := s.logs.FilterMessage("request").AllUntimed()
	if len(logged) != 3 {
		t.Fatalf("%d lines for 3 requests", len(logged))
	}
	got := logged[1].ContextMap()
	for _, varies := range []string{"seconds", "remote", "bytes"} {
		if got[varies] == nil {
			t.Errorf("%s isn't logged", varies)
		}
		delete(got, varies)
	}
	want := map[string]any{
		"request_id": "log-me", "method": "GET", "path": created.path(),
		"route": "/api/v1/products/:id", "status": int64(200), "cache": "miss",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
	if logged[1].Level != zapcore.InfoLevel || logged[2].Level != zapcore.DebugLevel {
		t.Errorf("levels %s and, of a probe, %s; want info and debug", logged[1].Level, logged[2].Level)
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, nil)
	created := s.create("MET", "Measured")
	s.call("GET", created.path(), "")
	s.call("GET", created.path(), "")
	s.call("GET", "/nowhere/"+created.id(), "")
	s.call("BREW", "/nowhere", "")
	metrics := s.call("GET", "/metrics", "").text
	for _, line := range []string{
		`http_server_request_duration_seconds_bucket{method="GET",route="/api/v1/products/:id",status="200",le="0.3"} 2`,
		`http_server_request_duration_seconds_count{method="POST",route="/api/v1/products",status="201"} 1`,
		`http_server_request_duration_seconds_count{method="GET",route="unmatched",status="404"} 1`,
		`http_server_request_duration_seconds_count{method="OTHER",route="unmatched",status="404"} 1`,
		`cache_requests_total{result="hit"} 1`,
		`cache_requests_total{result="miss"} 1`,
		`cache_up 1`,
		`app_build_info{commit="c0ffee",go="go1",version="1.2.3"} 1`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if strings.Contains(metrics, created.id()) {
		t.Error("an ID has become a label")
	}
}

func TestWhileDrainingConnectionsAreNotKept(t *testing.T) {
	for _, draining := range []bool{false, true} {
		s := start(t, func(o *api.Options) { o.Draining = func() bool { return draining } })
		if answer := s.call("GET", "/healthz", ""); answer.closes != draining {
			t.Errorf("draining %t: the connection closes: %t", draining, answer.closes)
		}
	}
}
