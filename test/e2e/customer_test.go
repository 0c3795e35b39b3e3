package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// customer orders one piece of one product after the other, as long as the test
// runs. Each order is sent again, with its key, until it is acknowledged: then it
// must be there, and once.
type customer struct {
	service *service
	product string
	stock   int
	stop    func()

	mu     sync.Mutex
	placed map[string]string // ID by key
	tries  int
	paused bool
}

// newCustomer begins to order.
func newCustomer(t *testing.T, s *service) *customer {
	t.Helper()
	c := &customer{service: s, stock: 1_000_000, placed: map[string]string{}}
	c.product = s.create(t, s.box.Token("editor"), "ordered-under-fire", c.stock)
	done, ended := make(chan struct{}), make(chan struct{})
	c.stop = sync.OnceFunc(func() {
		close(done)
		<-ended
	})
	t.Cleanup(c.stop)
	go func() {
		defer close(ended)
		token := s.box.Token("viewer")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for number := 0; ; {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if c.pausing() {
				continue
			}
			switch got := c.place(token, number); got.status {
			case http.StatusCreated, http.StatusOK:
				number++
			case http.StatusUnauthorized: // an issuer that was killed has new keys
				token = s.box.Token("viewer")
			}
		}
	}()
	return c
}

func (c *customer) place(token string, number int) answer {
	key := fmt.Sprintf("order-%d", number)
	got := c.service.call(token, http.MethodPost, "/api/v1/orders",
		fmt.Sprintf(`{"lines": [{"product_id": %q, "quantity": 1}]}`, c.product), "Idempotency-Key", key)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if got.status/100 == 2 {
		c.placed[key] = got.text("id")
	}
	return got
}

// pause has no more orders placed until it is called again.
func (c *customer) pause(paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = paused
}

func (c *customer) pausing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

// count gives how many orders were acknowledged.
func (c *customer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.placed)
}

// refused gives how many times an order was not acknowledged.
func (c *customer) refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries - len(c.placed)
}

// served waits until orders are taken again.
func (c *customer) served(t *testing.T) {
	t.Helper()
	before := c.count()
	c.service.box.For(t).Eventually(30*time.Second, "orders to be taken again", func() (bool, string) {
		return c.count() >= before+10, fmt.Sprintf("%d since", c.count()-before)
	})
}

// check looks for every acknowledged order in the list of them, once each and
// confirmed, with nothing beside them, and for as many pieces gone.
func (c *customer) check(t *testing.T) {
	c.stop()
	token := c.service.box.Token("viewer")
	last := c.place(token, len(c.placed)) // what may have been done with no answer is acknowledged now
	if last.status/100 != 2 {
		t.Fatalf("the last order: %+v", last)
	}
	c.service.box.For(t).Eventually(time.Minute, "every order to be confirmed", func() (bool, string) {
		confirmed, others := c.orders(t, token)
		return confirmed == len(c.placed) && others == 0, fmt.Sprintf("%d confirmed and %d others, of %d", confirmed, others, len(c.placed))
	})
	product := c.service.call(token, http.MethodGet, "/api/v1/products/"+c.product, "")
	if left := product.text("stock"); left != fmt.Sprint(float64(c.stock-len(c.placed))) {
		t.Errorf("%d pieces were ordered of %d, and %s are left", len(c.placed), c.stock, left)
	}
	t.Logf("%d orders, acknowledged after %d requests, are there once each", len(c.placed), c.tries)
}

// orders counts the customer's acknowledged orders that are confirmed, and
// whatever else the list has.
func (c *customer) orders(t *testing.T, token string) (confirmed, others int) {
	t.Helper()
	acknowledged := map[string]bool{}
	for _, id := range c.placed {
		acknowledged[id] = true
	}
	for cursor := ""; ; {
		page := c.service.call(token, http.MethodGet, "/api/v1/orders?limit=100&cursor="+cursor, "")
		items, ok := page.body["items"].([]any)
		if !ok {
			t.Fatalf("list orders: %+v", page)
		}
		for _, item := range items {
			order, _ := item.(map[string]any)
			id := fmt.Sprint(order["id"])
			if acknowledged[id] && order["status"] == "confirmed" {
				confirmed++
				delete(acknowledged, id)
			} else {
				others++
			}
		}
		if cursor, _ = page.body["next_cursor"].(string); cursor == "" {
			return confirmed, others
		}
	}
}
