package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	service "github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/app/objectives"
)

// The service is given what config/slo.yaml has, and takes it.
func TestTheServiceIsHeldToTheBuiltInObjectives(t *testing.T) {
	got, err := builtInObjectives()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]objectives.Limit{
		"latency-p95": {Operator: "<", Value: 300, Unit: "ms"}, "error-rate": {Operator: "<", Value: 1, Unit: "%"},
		"availability": {Operator: ">=", Value: 99.9, Unit: "%"}, "cache-hit": {Operator: ">", Value: 85, Unit: "%"},
		"database-cpu": {Operator: "<", Value: 70, Unit: "%"}, "database-connections": {Operator: "<", Value: 80, Unit: "%"},
		"deployment-success": {Operator: ">", Value: 98, Unit: "%"},
	}
	limits := map[string]objectives.Limit{}
	measured := map[string]bool{}
	for _, objective := range got {
		limits[objective.Name] = objective.Limit
		measured[objective.Indicator] = true
		if objective.Description == "" || objective.Source == "" || objective.Target == "" {
			t.Errorf("something is missing of %+v", objective)
		}
	}
	if diff := cmp.Diff(want, limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	for _, indicator := range []string{objectives.Latency, objectives.ErrorRate, objectives.Availability, objectives.CacheHit} {
		if !measured[indicator] {
			t.Errorf("no objective is of the indicator %s, as the service calls it", indicator)
		}
	}
	options := service.Defaults()
	options.DatabaseURL, options.Objectives = "postgres://localhost/x", got
	if err := options.Validate(); err != nil {
		t.Errorf("the service refuses them: %v", err)
	}
}
