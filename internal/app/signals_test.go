package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
	"github.com/pocctl/pocctl/internal/app/telemetry/contract"
	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

// A service that was used, by REST and gRPC, gives every signal of the contract
// and no other.
func TestTheServiceGivesEverySignal(t *testing.T) {
	agreed, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	collector := otlptest.New(t)
	o := options(t)
	lines := &log{}
	o.LogOutput, o.LogLevel = lines, "debug"
	o.OTLPEndpoint, o.TraceRatio = collector.HTTP(), 1
	migrate(t, o)
	service := serve(t, o)
	service.await("ready")
	service.use()

	collector.Await(t, 2, func(span *tracepb.Span) bool { return strings.HasPrefix(span.Name, "process order-") })
	for _, problem := range agreed.CheckMetrics([]byte(service.scrape("text/plain"))) {
		t.Error(problem)
	}
	for _, problem := range agreed.CheckExemplars([]byte(service.scrape("application/openmetrics-text; version=1.0.0"))) {
		t.Error(problem)
	}
	service.stop()
	if err := service.end(); err != nil {
		t.Fatal(err)
	}
	service.ended <- nil
	for _, problem := range agreed.CheckSpans(contract.FromOTLP(collector.Resources())) {
		t.Error(problem)
	}
	for _, problem := range agreed.CheckLogs([]byte(lines.String())) {
		t.Error(problem)
	}
	oneTrace(t, collector.Spans())
}

// oneTrace follows an order from the request over its job to the statements of both.
func oneTrace(t *testing.T, spans []*tracepb.Span) {
	t.Helper()
	names := map[string][]string{}
	for _, span := range spans {
		names[string(span.TraceId)] = append(names[string(span.TraceId)], span.Name)
	}
	for _, trace := range names {
		if slices.Contains(trace, "POST /api/v1/orders") && slices.Contains(trace, "process order-reserve") &&
			slices.Contains(trace, "process order-confirm") {
			return
		}
	}
	t.Errorf("no trace has an order and its jobs: %v", names)
}

// use has the service do each kind of work once.
func (r *running) use() {
	r.t.Helper()
	admin := r.token("admin")
	r.call(admin, http.MethodPut, "/api/v1/admin/flags/fault-injection/override", `{"value": "off", "reason": "to see it"}`, http.StatusOK)
	made := r.call(admin, http.MethodPost, "/api/v1/products", `{"sku": "seen", "name": "Seen", "price_minor": 1, "currency": "EUR", "stock": 5}`, http.StatusCreated)
	path := fmt.Sprint("/api/v1/products/", made["id"])
	for range 3 {
		r.call("", http.MethodGet, path, "", http.StatusOK)
	}
	r.call("", http.MethodGet, "/api/v1/products/search?q=seen", "", http.StatusOK)
	r.call("", http.MethodGet, "/api/v1/products/00000000-0000-7000-8000-000000000000", "", http.StatusNotFound)
	r.call("not.a.token", http.MethodGet, "/api/v1/me", "", http.StatusUnauthorized)
	order := r.call(r.token("viewer"), http.MethodPost, "/api/v1/orders",
		fmt.Sprintf(`{"lines": [{"product_id": %q, "quantity": 1}]}`, made["id"]), http.StatusCreated)
	waitFor(r.t, "the order to be confirmed", func() bool {
		return r.call(admin, http.MethodGet, fmt.Sprint("/api/v1/orders/", order["id"]), "", http.StatusOK)["status"] == "confirmed"
	})

	connection, err := grpc.NewClient(r.addresses.GRPC.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer connection.Close()
	ctx := metadata.AppendToOutgoingContext(r.t.Context(), "authorization", "Bearer "+admin)
	if _, err := pocctlv1.NewAccountServiceClient(connection).WhoAmI(ctx, &pocctlv1.WhoAmIRequest{}); err != nil {
		r.t.Fatal(err)
	}
}

// call asks the API, wants the status, and gives the answer.
func (r *running) call(token, method, path, body string, status int) (answer map[string]any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.address+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("User-Agent", "signals/1")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "signals")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		r.t.Fatalf("%s %s: %s, want %d: %s %v", method, path, response.Status, status, text, err)
	}
	if json.NewDecoder(bytes.NewReader(text)).Decode(&answer) != nil && len(text) > 0 {
		r.t.Fatalf("%s %s: not JSON: %s", method, path, text)
	}
	return answer
}

// scrape gives the metrics in the format that is asked for.
func (r *running) scrape(accept string) string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.address+"/metrics", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("metrics: %s %v", response.Status, err)
	}
	return string(text)
}
