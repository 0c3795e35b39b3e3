package smoke

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/fault"
	tokens "github.com/pocctl/pocctl/internal/verify/login"
	"github.com/pocctl/pocctl/internal/verify/login/logintest"
	"github.com/pocctl/pocctl/internal/verify/shoptest"
)

// guarded gives a shop that takes the first token of an issuer alone, and options
// that get it.
func guarded(t *testing.T) (*shoptest.Shop, *logintest.Issuer, Options) {
	t.Helper()
	shop, issuer := shoptest.New(t), logintest.New(t)
	shop.Token = "pocctl-editor-1"
	source := tokens.New(t.Context(), tokens.Options{
		Issuer: issuer.URL, Client: "pocctl-editor",
		Secret: func(context.Context) (string, error) { return "editor", nil },
	})
	return shop, issuer, Options{Root: shop.Root, Issuer: issuer.URL, Token: source, Deadline: short}
}

func TestLogin(t *testing.T) {
	shop, issuer, options := guarded(t)
	options.Deadline = 0
	progress := &told{}
	results, err := Run(t.Context(), Checks(options), progress)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, result := range results {
		names = append(names, result.Name)
	}
	if diff := cmp.Diff([]string{Migrations, Login, Transaction}, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if said := strings.Join(progress.detail, "\n"); !strings.Contains(said, "a token of "+issuer.URL+", good for ") {
		t.Errorf("details %q", said)
	}
	if _, confirmed := shop.OrderCount("confirmed"); confirmed != 1 || shop.Products() != 0 {
		t.Errorf("%d orders are confirmed and %d products left, want 1 and 0", confirmed, shop.Products())
	}
}

func TestLoginFails(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*logintest.Issuer, *Options)
		message string
	}{
		"no issuer":      {func(i *logintest.Issuer, _ *Options) { i.Fault = func(*http.Request) int { return 503 } }, "configuration: status 503"},
		"refused":        {func(i *logintest.Issuer, _ *Options) { i.Clients = nil }, "refuses client pocctl-editor"},
		"another's name": {func(i *logintest.Issuer, _ *Options) { i.Says = map[string]any{"issuer": "http://other"} }, `it says that it is "http://other"`},
	} {
		t.Run(name, func(t *testing.T) {
			shop, issuer, options := guarded(t)
			test.change(issuer, &options)
			results, err := Run(t.Context(), Checks(options), &told{})
			expect(t, err, test.message, "curl -i "+issuer.URL+"/.well-known/openid-configuration")
			if last := results[len(results)-1]; last.Name != Transaction || !last.Skipped || len(shop.Requests()) != 1 {
				t.Errorf("the transaction was tried all the same: %v", shop.Requests())
			}
		})
	}
}

// What is refused for good is not asked again; an issuer that is not yet there is.
func TestLoginIsWaitedFor(t *testing.T) {
	_, issuer, options := guarded(t)
	options.Deadline = 0
	issuer.Clients = nil
	_, err := Run(t.Context(), Checks(options)[1:2], &told{})
	expect(t, err, "refuses client", "curl")

	asked := 0
	issuer.Clients = map[string]string{"pocctl-editor": "editor"}
	issuer.Fault = func(*http.Request) int {
		if asked++; asked < 3 {
			return 503
		}
		return 0
	}
	progress := &told{}
	if _, err := Run(t.Context(), Checks(options)[1:2], progress); err != nil || len(progress.waiting) != 2 {
		t.Errorf("waited %d times, %v", len(progress.waiting), err)
	}
}

// A token that the service refuses is a failure of the transaction, and so is one
// that is not to be had any more.
func TestTransactionNeedsItsToken(t *testing.T) {
	shop, _, options := guarded(t)
	shop.Token = "another"
	_, err := Run(t.Context(), Checks(options), &told{})
	expect(t, err, "transaction, create: expected status 201 from POST /api/v1/products, got status 401",
		`curl -i -H "Authorization: Bearer $(pocctl token)" '`+shop.URL+"/products'")

	options.Token = oauth2.ReuseTokenSource(nil, noToken{})
	_, err = Run(t.Context(), Checks(options)[2:], &told{})
	expect(t, err, "got there is no secret of client pocctl-editor", "curl")
}

type noToken struct{}

func (noToken) Token() (*oauth2.Token, error) {
	return nil, fault.New(fault.SecretMissing, "client", "pocctl-editor", "detail", "gone", "fix", "bring it back")
}

func TestOrderFails(t *testing.T) {
	for name, test := range map[string]struct {
		orders, reason, message string
		cancelled               int
	}{
		"rejected":   {"rejected", "too little stock", "transaction, confirmation: expected the order confirmed from GET /api/v1/orders/00000000-0000-7000-9000-000000000002, got rejected: too little stock", 0},
		"cancelled":  {"cancelled", "", "got cancelled", 1},
		"no worker":  {"placed", "", `got status "placed": no worker confirms it`, 1},
		"half a way": {"reserved", "", `got status "reserved": no worker confirms it`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			shop := shoptest.New(t)
			shop.Orders, shop.Reason = test.orders, test.reason
			// Time for all but a wait for the worker.
			_, err := Run(t.Context(), Checks(Options{Root: shop.Root, Deadline: 10 * short}), &told{})
			expect(t, err, test.message, "curl -i '"+shop.URL+"/orders/0")
			if _, cancelled := shop.OrderCount("cancelled"); cancelled != test.cancelled || shop.Products() != 0 {
				t.Errorf("%d orders are cancelled and %d products left, want %d and 0", cancelled, shop.Products(), test.cancelled)
			}
		})
	}
}
