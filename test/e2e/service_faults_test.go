package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/verify/load"
)

// begin300 sends 300 requests a second until the function it gives is called,
// which tells how they fared.
func (s *service) begin300(t *testing.T) (end func() load.Result) {
	t.Helper()
	var sent atomic.Int64
	token := s.box.Token("editor")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	var result load.Result
	var err error
	var running sync.WaitGroup
	running.Go(func() {
		result, err = load.Run(ctx, load.Options{
			URL: s.endpoint + "/api/v1", Scenario: load.Products(), Seed: 1,
			Progress: func(now load.Snapshot) { sent.Store(now.Sent) },
			Token:    oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}),
			Stages: []load.Stage{
				{Name: "warm-up", Rate: 300, Duration: 3 * time.Second, Warmup: true, Climb: true},
				{Name: "steady", Rate: 300, Duration: 2 * time.Minute},
			},
		})
	})
	// What happens next happens under the whole rate: the climb sends 450.
	s.box.For(t).Eventually(30*time.Second, "the load to reach its rate", func() (bool, string) {
		return sent.Load() > 600, fmt.Sprint(sent.Load(), " sent")
	})
	ended := sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(ended)
	return func() load.Result {
		t.Helper()
		before := sent.Load() // and as much again of what follows is measured
		s.box.For(t).Eventually(30*time.Second, "900 more requests to be sent", func() (bool, string) {
			return sent.Load() >= before+900, fmt.Sprint(sent.Load()-before, " sent")
		})
		ended()
		if err != nil {
			t.Fatal(err)
		}
		total := result.Total
		t.Logf("of %d requests at %.0f/s %d failed, %d of them with no answer or 5xx; p99 %.0f ms, %d not sent",
			total.Sent, total.Held, total.Failed, total.Unavailable, total.Latency.P99, total.Unsent)
		if total.Sent < 300 {
			t.Errorf("only %d requests were sent: the test shows too little", total.Sent)
		}
		return result
	}
}

// lossless fails the test if a request got no answer, or a 5xx. Of a machine that
// is too busy for the load, the service may refuse a few in good order.
func lossless(t *testing.T, result load.Result) {
	t.Helper()
	total := result.Total
	if total.Unavailable == 0 {
		return
	}
	complain := t.Errorf
	if refused := total.Errors["status 503"]; refused == total.Unavailable && refused*20 < total.Sent && result.Void != "" {
		complain = t.Logf
	}
	complain("%d of %d requests got no answer, or a 5xx: %v; the load: %q; the first: %s",
		total.Unavailable, total.Sent, total.Errors, result.Void, total.Example)
}

// takeAway kills -9 what runs under words, and keeps its workload away until the
// function it gives is called, which waits until it is back.
func (s *service) takeAway(t *testing.T, words, workload string) (bringBack func()) {
	t.Helper()
	box := s.box.For(t)
	found := processes(t, box, words)
	if len(found) == 0 {
		t.Fatalf("nothing runs under %q", words)
	}
	for _, pid := range found {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	box.Must(box.Kubectl("scale", "-n", "pocctl", workload, "--replicas=0"))
	return func() {
		t.Helper()
		box.Must(box.Kubectl("scale", "-n", "pocctl", workload, "--replicas=1"))
		box.Must(box.Kubectl("rollout", "status", "-n", "pocctl", workload, "--timeout=90s"))
	}
}

// ready asks one replica for its readiness.
func (s *service) ready() string {
	got := s.call("", http.MethodGet, "/readyz", "")
	return fmt.Sprint(got.status, " ", got.body)
}

// withoutPostgres expects cached products to be read, the rest refused in good
// order, and all to be well again with no restart.
func (s *service) withoutPostgres(t *testing.T, c *customer) {
	box := s.box.For(t)
	cached := s.create(t, box.Token("editor"), "read-without-postgres", 1)
	read := func() answer { return s.call("", http.MethodGet, "/api/v1/products/"+cached, "") }
	end := s.begin300(t)
	for range 20 { // into every replica's memory, and Redis
		read()
	}
	bringBack := s.takeAway(t, "-D /var/lib/postgresql", "statefulset/postgres")
	search := func() answer { return s.call("", http.MethodGet, "/api/v1/products/search?q=candle", "") }
	box.Eventually(20*time.Second, "a search to be refused", func() (bool, string) {
		got := search()
		return got.status == http.StatusServiceUnavailable && got.header.Get("Content-Type") == "application/problem+json" &&
			got.body["code"] != nil && got.body["request_id"] != nil, fmt.Sprintf("%+v", got)
	})
	for range 20 {
		if got := read(); got.status != http.StatusOK {
			t.Errorf("a cached product is not read while Postgres is away: %+v", got)
		}
	}
	if placed := s.call(box.Token("viewer"), http.MethodPost, "/api/v1/orders", `{"lines": [{"product_id": "`+c.product+`", "quantity": 1}]}`,
		"Idempotency-Key", "never"); placed.status != http.StatusServiceUnavailable {
		t.Errorf("an order while Postgres is away: %+v, want 503", placed)
	}
	bringBack()
	c.served(t)
	if c.refused() == 0 {
		t.Error("the customer never had to try again: the test shows too little")
	}
	if result := end(); result.Total.Unavailable == 0 {
		t.Error("no request of the load noticed: the test shows too little")
	}
	lossless(t, s.begin300(t)())
}

// withoutRedis expects that nobody notices.
func (s *service) withoutRedis(t *testing.T, c *customer) {
	end := s.begin300(t)
	bringBack := s.takeAway(t, "redis-server", "statefulset/redis")
	s.box.For(t).Eventually(20*time.Second, "readiness to tell that the cache is away", func() (bool, string) {
		seen := s.ready()
		return strings.HasPrefix(seen, "200 ") && strings.Contains(seen, "degraded"), seen
	})
	c.served(t)
	bringBack()
	s.box.For(t).Eventually(20*time.Second, "readiness to tell that all is well", func() (bool, string) {
		seen := s.ready()
		return strings.HasPrefix(seen, "200 ") && !strings.Contains(seen, "degraded"), seen
	})
	c.served(t)
	lossless(t, end())
}

// withoutIssuer expects that those who have a token don't notice, and that the
// issuer's new keys are taken when it is back.
func (s *service) withoutIssuer(t *testing.T, c *customer) {
	end := s.begin300(t)
	bringBack := s.takeAway(t, "pocctl issuer", "deployment/issuer")
	c.served(t)
	lossless(t, end()) // its token ends with the keys that the killed issuer had in memory
	bringBack()
	c.served(t)
	lossless(t, s.begin300(t)())
}

// rollingRestart expects that nobody notices.
func (s *service) rollingRestart(t *testing.T, c *customer) {
	box := s.box.For(t)
	before := s.pods()
	c.pause(true)
	end := s.begin300(t)
	box.Must(box.Kubectl("rollout", "restart", "-n", "pocctl", "deployment/backend"))
	box.Must(box.Kubectl("rollout", "status", "-n", "pocctl", "deployment/backend", "--timeout=120s"))
	lossless(t, end())
	c.pause(false)
	c.served(t)
	if s.pods() == before {
		t.Error("nothing was restarted")
	}
}

// duplicates puts every job that was ever done into the queue once more, in
// another order: no order changes, and no stock.
func (s *service) duplicates(t *testing.T, c *customer) {
	c.served(t)
	state := func() string { // of orders and products that the customer doesn't touch
		return s.sql(`SELECT string_agg(concat_ws(' ', id, status, version, updated_at), E'\n' ORDER BY id) FROM orders WHERE owner = 'pocctl-editor'`) +
			s.sql(`SELECT string_agg(concat_ws(' ', sku, stock, version), E'\n' ORDER BY sku) FROM products WHERE sku IN ('tea-1', 'over-grpc')`)
	}
	before := state()
	last := s.sql(`SELECT max(id) FROM river_job`)
	s.sql(`INSERT INTO river_job (kind, args, max_attempts)
		SELECT kind, args, 8 FROM river_job WHERE state = 'completed' ORDER BY random()`)
	s.box.For(t).Eventually(30*time.Second, "the copies to be worked on", func() (bool, string) {
		done := s.sql(`SELECT (count(*) FILTER (WHERE state <> 'completed')) || ' of ' || count(*) || ' to do' FROM river_job
			WHERE id > ` + last + ` AND created_at < now() - interval '1 s'`)
		return strings.HasPrefix(done, "0 of ") && done != "0 of 0 to do", done
	})
	if after := state(); after != before {
		t.Errorf("jobs that were done twice changed something; before:\n%s\nafter:\n%s", before, after)
	}
}
