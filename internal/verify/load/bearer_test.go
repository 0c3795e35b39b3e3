package load

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/verify/shoptest"
)

// counted gives token after token, each good for a while; every third is not to
// be had.
type counted struct {
	lifetime time.Duration
	asked    atomic.Int64
}

func (c *counted) Token() (*oauth2.Token, error) {
	n := c.asked.Add(1)
	if n%3 == 0 {
		return nil, errors.New("the issuer is away")
	}
	token := &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", n), TokenType: "bearer"}
	if c.lifetime > 0 {
		token.Expiry = time.Now().Add(c.lifetime)
	}
	return token, nil
}

func TestBearerIsRenewed(t *testing.T) {
	for name, test := range map[string]struct {
		lifetime, after time.Duration
		want            string
	}{
		"does not end":          {0, 24 * time.Hour, "Bearer token-1"},
		"far from its end":      {10 * time.Minute, 7 * time.Minute, "Bearer token-1"},
		"near its end":          {10 * time.Minute, 9 * time.Minute, "Bearer token-2"},
		"the issuer was away":   {10 * time.Minute, 16*time.Minute + 4*time.Second, "Bearer token-4"},
		"ends soon all along":   {time.Minute, 1500 * time.Millisecond, "Bearer token-2"},
		"away, and then no end": {time.Minute, 2500 * time.Millisecond, "Bearer token-2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, stop, err := newBearer(&counted{lifetime: test.lifetime})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.after) // in the bubble's own time
				synctest.Wait()
				if got := b.header(); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				stop()
			})
		})
	}
}

func TestEveryRequestHasItsTokenAndHeaders(t *testing.T) {
	shop := shoptest.New(t)
	shop.Token = "token-1"
	o := options(shop.URL)
	o.Token = &counted{}
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if total := result.Total; total.Sent != 200 || total.Failed != 0 || result.Left != 0 || shop.Products() != 0 {
		t.Errorf("sent %d, failed %d (%s), left %d", total.Sent, total.Failed, total.Example, result.Left)
	}
	if orders, _ := shop.OrderCount(""); orders == 0 {
		t.Error("nothing was ordered")
	}
}

func TestRunWithoutItsToken(t *testing.T) {
	shop := shoptest.New(t)
	o := options(shop.URL)
	source := &counted{}
	source.asked.Store(2) // the next is the third
	o.Token = source
	if _, err := Run(t.Context(), o); err == nil || err.Error() != "get a token for the load: the issuer is away" {
		t.Errorf("got %v", err)
	}
	if asked := shop.Requests(); len(asked) != 0 {
		t.Errorf("it was asked all the same: %v", asked)
	}
	shop.Token, o.Token = "another", &counted{}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "POST "+shop.URL+"/products: status 401") {
		t.Errorf("got %v", err)
	}
}

func TestHeadersAreFilledIn(t *testing.T) {
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer server.Close()
	c := newClient(Options{URL: server.URL, Timeout: 5 * time.Second, MaxInFlight: 1, way: direct}, nil, newWire(), func(time.Duration) {})
	defer c.close()
	operation := Operation{Method: "POST", Path: "/", Headers: map[string]string{"Idempotency-Key": "{run}-{number}", "X-Of": "{target} {term}"}}
	if answer := c.send(compile(operation, 0, []*feed{newFeed(Variable{Name: "term", Values: []string{"W"}})}).request(&blanks{run: "R", number: "7", target: "T", drawn: []int{0}})); answer.kind != "" {
		t.Fatal(answer.detail)
	}
	header := <-got
	if header.Get("Idempotency-Key") != "R-7" || header.Get("X-Of") != "T W" || header.Get("Authorization") != "" {
		t.Errorf("got %v", header)
	}
}
