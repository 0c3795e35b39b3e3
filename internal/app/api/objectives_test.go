package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/objectives"
)

// heldTo are objectives of both kinds, or why there are none. Package objectives
// tests the real ones.
type heldTo struct{ err error }

func (h heldTo) List(context.Context) ([]objectives.State, error) {
	return []objectives.State{
		{
			Objective: objectives.Objective{
				Name: "latency-p95", Description: "quick", Indicator: objectives.Latency, Source: "load", Quantile: 0.95, Target: "<300ms",
				Limit: objectives.Limit{Operator: "<", Value: 300, Unit: "ms"},
			},
			Measured: &objectives.Measured{Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Events: 8, Bad: 2, Ratio: 0.25},
		},
		{Objective: objectives.Objective{
			Name: "database-cpu", Description: "idle", Indicator: "database-cpu", Source: "metrics", Target: "<70%",
			Limit: objectives.Limit{Operator: "<", Value: 70, Unit: "%"},
		}},
	}, h.err
}

func TestObjectivesAreListed(t *testing.T) {
	got := start(t, nil).asViewer("/api/v1/objectives")
	got.expect(t, 200, "Content-Type", "application/json")
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"items": [
		{"name": "latency-p95", "description": "quick", "indicator": "latency", "quantile": 0.95, "target": "<300ms",
			"limit": {"value": 300, "unit": "ms"}, "source": "load",
			"measured": {"since": "2026-01-02T03:04:05Z", "events": 8, "bad": 2, "ratio": 0.25, "met": false}},
		{"name": "database-cpu", "description": "idle", "indicator": "database-cpu", "target": "<70%",
			"limit": {"value": 70, "unit": "%"}, "source": "metrics"}
	]}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("objectives (-want +got):\n%s", diff)
	}
}

func TestWhyObjectivesAreNotThereIsKeptFromTheClient(t *testing.T) {
	s := start(t, func(o *api.Options) { o.Objectives = heldTo{errors.New("a secret detail")} })
	s.asViewer("/api/v1/objectives").expectProblem(t, 500, "internal", "")
}

// asViewer reads as one.
func (s *service) asViewer(path string) answer {
	s.t.Helper()
	return s.call("GET", path, "", s.as(auth.Viewer)...)
}
