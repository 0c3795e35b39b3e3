package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestSuggestionsAreForThoseInTheExperiment(t *testing.T) {
	s := start(t, nil)
	lantern := s.create("LANTERN-1", "Brass lantern")
	s.create("LAMP-1", "Oak lamp")
	const path = "/api/v1/products/suggestions?q=lant"
	s.call("GET", path, "").expectProblem(t, 404, "experiment-off", "")
	s.call("GET", path, "", s.as(auth.Editor)...).expectProblem(t, 404, "experiment-off", "")

	want := []any{map[string]any{"id": lantern.id(), "sku": "LANTERN-1", "name": "Brass lantern"}}
	got := s.call("GET", path, "", s.as(auth.Admin)...)
	got.expect(t, 200)
	if diff := cmp.Diff(want, got.body["items"]); diff != "" {
		t.Errorf("suggestions of an admin (-want +got):\n%s", diff)
	}

	s.call("PUT", "/api/v1/admin/flags/experimental-search/override", `{"value":true,"reason":"a test","seconds":60}`, s.as(auth.Admin)...).expect(t, 200)
	got = s.call("GET", path, "")
	got.expect(t, 200)
	if diff := cmp.Diff(want, got.body["items"]); diff != "" {
		t.Errorf("suggestions with the flag on for all (-want +got):\n%s", diff)
	}
	s.call("GET", path+"&limit=21", "").expectProblem(t, 400, "invalid-parameter", "limit")
}
