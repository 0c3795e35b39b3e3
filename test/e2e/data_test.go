package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// dataEnvironment keeps products in Redis for as long as the test may take.
const dataEnvironment = `kind: local
secrets:
  - {name: postgres-auth, keys: [password]}
  - {name: redis-auth, keys: [password]}
  - {name: issuer-auth, keys: [viewer, editor, admin, password]}
auth:
  issuer: $(INGRESS_URL)/issuer
  secret: issuer-auth
  clients: {viewer: pocctl-viewer, editor: pocctl-editor, admin: pocctl-admin}
releases:
  - {name: issuer, chart: issuer, values: {url: $(INGRESS_URL)/issuer}}
  - {name: postgres, chart: postgres}
  - {name: redis, chart: redis}
  - name: backend
    chart: backend
    dependsOn: [postgres, redis]
    values:
      replicaCount: 1
      config: {extra: {POCCTL_CACHE_TTL: 1h, POCCTL_CACHE_LOCAL_TTL: 0s, POCCTL_SHED_TARGET: 2s}}
      oidc: {issuer: $(INGRESS_URL)/issuer, jwksURL: "http://issuer:8080/issuer/keys"}
`

// TestData follows one product's row in Postgres and its key in Redis through
// everything that may happen to the two, as customers of the service see it.
func TestData(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	box.Env = box.Write("data.yaml", dataEnvironment)
	d := &data{box: box}
	d.up(t)
	product := d.create(t, "kept")
	d.read(t, product)
	if !d.hit(t, product) {
		t.Fatal("a product that was read is not in the cache")
	}

	for _, blow := range []struct {
		name string
		fall func(t *testing.T)
	}{
		{"Postgres's pod is deleted", func(*testing.T) { d.replace("postgres-0") }},
		{"Redis's pod is deleted", func(*testing.T) { d.replace("redis-0") }},
		{"the supervisor is killed", d.killSupervisor},
		{"down --keep-data", func(t *testing.T) {
			said := box.Pocctl("down", "--keep-data")
			box.Must(said)
			if !strings.Contains(said.Stderr, "not the data") {
				t.Errorf("down does not say that data stays: %s", said.Stderr)
			}
			d.up(t)
		}},
	} {
		t.Run(blow.name, func(t *testing.T) {
			d.box = box.For(t)
			blow.fall(t)
			d.survived(t, product)
		})
	}

	t.Run("down removes it", func(t *testing.T) {
		d.box = box.For(t)
		said := d.box.Pocctl("down")
		d.box.Must(said)
		if !strings.Contains(said.Stderr, "with the data") {
			t.Errorf("down does not say that data goes: %s", said.Stderr)
		}
		d.up(t)
		if code, _, body := d.call(t, http.MethodGet, "/"+product, ""); code != http.StatusNotFound {
			t.Errorf("the product is still there: %d %s", code, body)
		}
	})
}

// data is a customer of the service, and whoever runs it.
type data struct {
	box      *harness.Sandbox
	endpoint string
}

func (d *data) up(t *testing.T) {
	t.Helper()
	d.endpoint = parse(t, d.box.Must(d.box.Pocctl("up", "-o", "json"))).Endpoints["app"]
}

// call gives the status, whether the cache was hit, and the body. An error is
// told as a body, with status 0.
func (d *data) call(t *testing.T, method, path, body string) (code int, hit bool, answer string) {
	t.Helper()
	request, err := http.NewRequest(method, d.endpoint+"/api/v1/products"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if method != http.MethodGet {
		request.Header.Set("Authorization", "Bearer "+d.box.Token("editor"))
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, false, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, false, err.Error()
	}
	return response.StatusCode, response.Header.Get("X-Cache") == "hit", string(content)
}

func (d *data) create(t *testing.T, sku string) (id string) {
	t.Helper()
	var made struct{ ID string }
	code, _, body := d.call(t, http.MethodPost, "", fmt.Sprintf(`{"sku": %q, "name": "of value", "price_minor": 100, "currency": "EUR"}`, sku))
	if code != http.StatusCreated || json.Unmarshal([]byte(body), &made) != nil {
		t.Fatalf("create %s: %d %s", sku, code, body)
	}
	return made.ID
}

// read reads a product, which brings it into the cache.
func (d *data) read(t *testing.T, id string) {
	t.Helper()
	if code, _, body := d.call(t, http.MethodGet, "/"+id, ""); code != http.StatusOK {
		t.Fatalf("read %s: %d %s", id, code, body)
	}
}

// hit reads a product and says whether the answer came from Redis.
func (d *data) hit(t *testing.T, id string) bool {
	t.Helper()
	code, hit, body := d.call(t, http.MethodGet, "/"+id, "")
	if code != http.StatusOK {
		t.Fatalf("read %s: %d %s", id, code, body)
	}
	return hit
}

// survived looks for the product's row in a search, which Postgres alone can
// answer. Its key must be the first answer of Redis about it, once Redis is seen
// to answer about another product.
func (d *data) survived(t *testing.T, product string) {
	t.Helper()
	d.box.Eventually(patience, "the row to be found", func() (bool, string) {
		code, _, body := d.call(t, http.MethodGet, "?limit=100", "")
		return code == http.StatusOK && strings.Contains(body, product), fmt.Sprint(code, " ", body)
	})
	other := d.create(t, strings.ToLower(strings.NewReplacer(" ", "-", "/", "-", "'", "").Replace(t.Name())))
	d.box.Eventually(patience, "Redis to answer", func() (bool, string) { return d.hit(t, other), "misses" })
	if !d.hit(t, product) {
		t.Error("the key is lost")
	}
}

// replace deletes a pod and waits for the next of its name.
func (d *data) replace(pod string) {
	identity := func() string {
		return d.box.Kubectl("get", "pod", pod, "-n", "pocctl", "-o", "jsonpath={.metadata.uid}").Stdout
	}
	before := identity()
	d.box.Must(d.box.Kubectl("delete", "pod", pod, "-n", "pocctl", "--timeout=60s"))
	d.box.Eventually(patience, "another "+pod, func() (bool, string) {
		now := identity()
		return now != "" && now != before, now
	})
	d.box.Must(d.box.Kubectl("wait", "pod", pod, "-n", "pocctl", "--for=condition=Ready", "--timeout=60s"))
}

func (d *data) killSupervisor(t *testing.T) {
	found := processes(t, d.box, "supervise ")
	if len(found) != 1 {
		t.Fatalf("there are %d supervisors", len(found))
	}
	if err := syscall.Kill(found[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.up(t)
}
