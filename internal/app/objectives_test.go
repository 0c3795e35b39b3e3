package app_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// heldTo are objectives of all indicators that the service measures, as its own
// metrics have them, and of one that it doesn't.
func heldTo() []objectives.Objective {
	percent := func(indicator, operator string, value float64) objectives.Objective {
		return objectives.Objective{Name: indicator, Indicator: indicator, Limit: objectives.Limit{Operator: operator, Value: value, Unit: "%"}}
	}
	return []objectives.Objective{
		{Name: "latency", Indicator: objectives.Latency, Quantile: 0.5, Limit: objectives.Limit{Operator: "<", Value: 300, Unit: "ms"}},
		percent(objectives.ErrorRate, "<", 1), percent(objectives.Availability, ">=", 99.9), percent(objectives.CacheHit, ">", 85),
		percent("database-cpu", "<", 70),
	}
}

// What a running service was asked is what it measures, by REST and by gRPC.
func TestTheServiceMeasuresItself(t *testing.T) {
	o := options(t)
	o.Objectives = heldTo()
	migrate(t, o)
	service := serve(t, o)
	service.await("ready")
	service.get("/healthz")
	if got := service.measured(); len(got) != 0 {
		t.Errorf("before anything was asked: %v", got)
	}
	made := service.call(service.token("editor"), http.MethodPost, "/api/v1/products",
		`{"sku": "held", "name": "Held", "price_minor": 1, "currency": "EUR", "stock": 5}`, http.StatusCreated)
	for range 3 {
		service.call("", http.MethodGet, "/api/v1/products/"+made["id"].(string), "", http.StatusOK)
	}
	got := service.measured()
	requests := float64(5) // those, and the first look
	for name, events := range map[string]float64{"latency": requests, "error-rate": requests, "availability": requests, "cache-hit": 3} {
		if got[name]["events"] != events {
			t.Errorf("%s is measured by %v, want %v events", name, got[name], events)
		}
		if bad := got[name]["bad"]; name != "latency" && name != "cache-hit" && bad != 0.0 {
			t.Errorf("%v of %s are bad", bad, name)
		}
	}
	if bad := got["cache-hit"]["bad"]; bad != 1.0 || got["cache-hit"]["met"] != false {
		t.Errorf("of 3 reads the first isn't from the cache, but %v", got["cache-hit"])
	}
	if _, has := got["database-cpu"]; has {
		t.Errorf("the service measures %v", got["database-cpu"])
	}
	service.sameByRPC(t, requests+1)
}

// sameByRPC looks by gRPC, which isn't counted itself.
func (r *running) sameByRPC(t *testing.T, requests float64) {
	t.Helper()
	connection, err := grpc.NewClient(r.addresses.GRPC.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	client := pocctlv1.NewObjectivesServiceClient(connection)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+r.token("viewer"))
	for range 2 {
		listed, err := client.ListObjectives(ctx, &pocctlv1.ListObjectivesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if all := listed.GetObjectives(); len(all) != len(heldTo()) || float64(all[1].GetMeasured().GetEvents()) != requests {
			t.Errorf("by gRPC: %v, want %v requests", all, requests)
		}
	}
}

// measured gives what was measured, by the objective's name.
func (r *running) measured() map[string]map[string]any {
	r.t.Helper()
	all := map[string]map[string]any{}
	listed := r.call(r.token("viewer"), http.MethodGet, "/api/v1/objectives", "", http.StatusOK)["items"].([]any)
	if len(listed) != len(heldTo()) {
		r.t.Fatalf("%d objectives are listed: %v", len(listed), listed)
	}
	for _, one := range listed {
		objective := one.(map[string]any)
		if measured, has := objective["measured"].(map[string]any); has {
			all[objective["name"].(string)] = measured
		}
	}
	return all
}
