package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// shop is a customer of the service who writes products through the ingress as
// long as the test runs, and remembers what was acknowledged.
type shop struct {
	t      *testing.T
	box    *harness.Sandbox
	client *http.Client

	mu           sync.Mutex
	endpoint     string            // empty: closed
	token        string            // an editor's; empty if another is needed
	acknowledged map[string]string // SKU by ID
}

// openShop begins to write as soon as it is told where.
func openShop(t *testing.T, box *harness.Sandbox) *shop {
	s := &shop{t: t, box: box, client: &http.Client{Timeout: 3 * time.Second}, acknowledged: map[string]string{}}
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for number := 0; ; number++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				s.write(fmt.Sprintf("kill-%d", number))
			}
		}
	}()
	return s
}

func (s *shop) opened(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint, s.token = endpoint, ""
}

// bearer gives a token: an issuer that was killed has new keys.
func (s *shop) bearer() string {
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	if token != "" {
		return token
	}
	token = s.box.Token("editor")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	return token
}

func (s *shop) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
}

func (s *shop) closed() { s.opened("") }

func (s *shop) at() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoint
}

func (s *shop) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acknowledged)
}

// write creates one product. Only an answer of 201 counts: everything else may
// or may not have been done.
func (s *shop) write(sku string) {
	endpoint := s.at()
	if endpoint == "" {
		return
	}
	body := fmt.Sprintf(`{"sku": %q, "name": "outlives a kill", "price_minor": 100, "currency": "EUR"}`, sku)
	request, err := http.NewRequest(http.MethodPost, endpoint+"/api/v1/products", strings.NewReader(body))
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.bearer())
	response, err := s.client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized {
		s.forget()
	}
	var made struct{ ID, SKU string }
	if response.StatusCode != http.StatusCreated || json.NewDecoder(response.Body).Decode(&made) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acknowledged[made.ID] = made.SKU
}

// check lists all products, which comes from the database alone, and fails the
// test for every acknowledged one that is not there.
func (s *shop) check() {
	s.t.Helper()
	s.mu.Lock()
	expected := make(map[string]string, len(s.acknowledged))
	for id, sku := range s.acknowledged {
		expected[id] = sku
	}
	s.mu.Unlock()

	for cursor := ""; ; {
		page, err := s.list(cursor)
		if err != nil {
			s.t.Fatalf("list products: %v", err)
		}
		for _, item := range page.Items {
			if expected[item.ID] == item.SKU {
				delete(expected, item.ID)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(expected) > 0 {
		s.t.Errorf("%d acknowledged products are lost: %v", len(expected), expected)
	}
}

type products struct {
	Items []struct{ ID, SKU string }
	Next  string `json:"next_cursor"`
}

func (s *shop) list(cursor string) (products, error) {
	var page products
	response, err := s.client.Get(s.at() + "/api/v1/products?limit=100&cursor=" + cursor)
	if err != nil {
		return page, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return page, err
	}
	if response.StatusCode != http.StatusOK {
		return page, fmt.Errorf("%s: %s", response.Status, body)
	}
	err = json.Unmarshal(body, &page)
	return page, err
}
