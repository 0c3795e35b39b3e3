package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
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
			o.Probes.Readiness = func(context.Context) api.Readiness {
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

func TestTheObserverIsToldOfEveryRequest(t *testing.T) {
	s := start(t, nil)
	created := s.create("LOG", "Logged")
	s.call("GET", created.path()+"?limit=secret", "", "X-Request-Id", "refused")
	s.call("GET", created.path(), "", s.as(auth.Viewer, "X-Request-Id", "read")...)
	s.call("GET", "/nowhere/"+created.id(), "", "X-Request-Id", "nowhere")
	s.call("BREW", "/nowhere", "", "X-Request-Id", "brew")
	for id, want := range map[string]api.Outcome{
		"refused": {Method: "GET", Path: created.path(), Route: "/api/v1/products/:id", Status: 400, Address: "127.0.0.1"},
		"read":    {Method: "GET", Path: created.path(), Route: "/api/v1/products/:id", Status: 200, Address: "127.0.0.1", User: "a-viewer", Cache: "miss"},
		"nowhere": {Method: "GET", Path: "/nowhere/" + created.id(), Route: "unmatched", Status: 404, Address: "127.0.0.1"},
		"brew":    {Method: "_OTHER", Path: "/nowhere", Route: "unmatched", Status: 404, Address: "127.0.0.1"},
	} {
		got := s.seen.of(t, id)
		if got.Took <= 0 || got.Bytes <= 0 || got.Flags.String() == "" {
			t.Errorf("%s: took %s, %d bytes, flags %q", id, got.Took, got.Bytes, got.Flags)
		}
		want.RequestID = id
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Outcome{}, "Took", "Bytes", "Flags", "Err")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
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
