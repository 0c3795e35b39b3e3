package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestService meets the service as its users do, and then takes away what it
// stands on, one thing after the other, under 300 requests a second. It runs
// alone, as what it loses on a machine that is busy otherwise says nothing.
func TestService(t *testing.T) {
	box := harness.New(t)
	// A Deployment: a canary would judge what is done to the service here.
	plain := localEnvironment(t, "        enabled: true\n        weights", "        enabled: false\n        weights", "canary:\n  release: backend\n", "canary:\n")
	up := parse(t, box.Must(measured(t, box, gently(t, box, plain)...)))
	s := &service{box: box, endpoint: up.Endpoints["app"]}
	pods := s.pods()

	t.Run("the first steps of the docs", s.firstSteps)
	t.Run("gRPC", s.grpc)
	t.Run("dead letters", s.deadLetters)
	customer := newCustomer(t, s)
	t.Run("a job twice, and in disorder", func(t *testing.T) { s.duplicates(t, customer) })
	t.Run("without Postgres", func(t *testing.T) { s.withoutPostgres(t, customer) })
	t.Run("without Redis", func(t *testing.T) { s.withoutRedis(t, customer) })
	t.Run("without the issuer", func(t *testing.T) { s.withoutIssuer(t, customer) })
	if now := s.pods(); now != pods {
		t.Errorf("recovery took a restart; before:\n%s\nnow:\n%s", pods, now)
	}
	t.Run("a rolling restart", func(t *testing.T) { s.rollingRestart(t, customer) })
	t.Run("every order is there once", customer.check)
}

// service is the deployed service, as one who operates it sees it.
type service struct {
	box      *harness.Sandbox
	endpoint string
}

// pods gives the names and restarts of the service's pods.
func (s *service) pods() string {
	return s.box.Must(s.box.Kubectl("get", "pods", "-n", "pocctl", "-l", "app.kubernetes.io/name=backend,app.kubernetes.io/component=api",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount}{"\n"}{end}`))
}

// sql runs a statement in the environment's database.
func (s *service) sql(statement string) string {
	const psql = `PGPASSWORD=$POSTGRES_PASSWORD exec psql -v ON_ERROR_STOP=1 -tA -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$0"`
	return strings.TrimSpace(s.box.Must(s.box.Kubectl("exec", "-n", "pocctl", "postgres-0", "--", "bash", "-c", psql, statement)))
}

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// call asks the API once. An error of the connection is status 0.
func (s *service) call(token, method, path, body string, headers ...string) answer {
	request, err := http.NewRequest(method, s.endpoint+path, strings.NewReader(body))
	if err != nil {
		return answer{}
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	got := answer{status: response.StatusCode, header: response.Header}
	_ = json.NewDecoder(response.Body).Decode(&got.body) // an answer with no body has none
	return got
}

func (a answer) text(name string) string { return fmt.Sprint(a.body[name]) }

// create makes a product and gives its ID.
func (s *service) create(t *testing.T, token, sku string, stock int) string {
	t.Helper()
	made := s.call(token, http.MethodPost, "/api/v1/products",
		fmt.Sprintf(`{"sku": %q, "name": "of value", "price_minor": 100, "currency": "EUR", "stock": %d}`, sku, stock))
	if made.status != http.StatusCreated {
		t.Fatalf("create %s: %+v", sku, made)
	}
	return made.text("id")
}

// firstSteps types what docs/service/login.md says: a request, a login, an order.
func (s *service) firstSteps(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "service", "login.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(doc), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	const written = "http://127.0.0.1:8080"
	if !strings.Contains(block, written) || !strings.Contains(block, "pocctl token") {
		t.Fatalf("the first block of the docs is another one:\n%s", block)
	}
	steps := strings.ReplaceAll(block, written, s.endpoint)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := s.box.Command(ctx, "bash", "-euc", steps)
	for i, variable := range command.Env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			command.Env[i] = "PATH=" + filepath.Dir(s.box.Binary) + string(os.PathListSeparator) + path
		}
	}
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
	}
	for _, want := range []string{`"items":`, `"role":"editor"`, `"status":"placed"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in:\n%s", want, out)
		}
	}
	token := s.box.Token("editor")
	s.box.For(t).Eventually(20*time.Second, "the order to be confirmed", func() (bool, string) {
		orders, _ := json.Marshal(s.call(token, http.MethodGet, "/api/v1/orders?limit=1", "").body)
		return strings.Contains(string(orders), `"status":"confirmed"`) && strings.Contains(string(orders), `"name":"Green tea"`), string(orders)
	})
}

// grpc places an order over gRPC and finds it by REST.
func (s *service) grpc(t *testing.T) {
	address := s.box.Must(s.box.Kubectl("get", "service", "backend", "-n", "pocctl", "-o", "jsonpath={.spec.clusterIP}")) + ":9090"
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	token := s.box.Token("editor")
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)

	product := s.create(t, token, "over-grpc", 3)
	placed, err := pocctlv1.NewOrderServiceClient(connection).PlaceOrder(ctx, &pocctlv1.PlaceOrderRequest{
		IdempotencyKey: "over-grpc", Lines: []*pocctlv1.OrderLineDraft{{ProductId: product, Quantity: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.box.Eventually(20*time.Second, "the order to be confirmed", func() (bool, string) {
		order := s.call(token, http.MethodGet, "/api/v1/orders/"+placed.GetOrder().GetId(), "")
		return order.text("status") == "confirmed", order.text("status")
	})
	left, err := pocctlv1.NewCatalogServiceClient(connection).GetProduct(ctx, &pocctlv1.GetProductRequest{Id: product})
	if err != nil || left.GetProduct().GetStock() != 1 {
		t.Errorf("the product has %d pieces left, want 1: %v", left.GetProduct().GetStock(), err)
	}
}

// deadLetters puts jobs that nobody can do into the queue: they are listed, can
// be tried again, are dead again, and the audit log tells of it.
func (s *service) deadLetters(t *testing.T) {
	s.sql(`INSERT INTO river_job (kind, args, max_attempts) VALUES
		('order-reserve', '{"order_id": 7}', 8), ('order-confirm', '{"order_id": "019aa000-0000-7000-8000-000000000000"}', 8)`)
	admin := s.box.Token("admin")
	letters := func() []any {
		list, _ := s.call(admin, http.MethodGet, "/api/v1/admin/dead-letters", "").body["items"].([]any)
		return list
	}
	both := func() (bool, string) { return len(letters()) == 2, fmt.Sprint(letters()) }
	s.box.Eventually(20*time.Second, "two dead letters", both)
	if refused := s.call(s.box.Token("editor"), http.MethodGet, "/api/v1/admin/dead-letters", ""); refused.status != http.StatusForbidden {
		t.Errorf("an editor gets %d, want 403", refused.status)
	}
	letter, _ := letters()[0].(map[string]any)
	path := fmt.Sprintf("/api/v1/admin/dead-letters/%v/requeue", letter["id"])
	if again := s.call(admin, http.MethodPost, path, ""); again.status/100 != 2 {
		t.Fatalf("requeue: %+v", again)
	}
	s.box.Eventually(20*time.Second, "the requeued one to be dead again", both)
	audit, _ := json.Marshal(s.call(admin, http.MethodGet, "/api/v1/admin/audit", "").body)
	if !strings.Contains(string(audit), fmt.Sprint(letter["id"])) || !strings.Contains(string(audit), `"outcome":"done"`) {
		t.Errorf("the audit log doesn't tell of the requeued letter: %s", audit)
	}
}
