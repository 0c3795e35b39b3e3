package rpc_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

// Postgres goes away and comes back: calls fail with something to try again
// after, and succeed again without a restart.
func TestAStoreThatIsAwayIsSaid(t *testing.T) {
	database := postgres.Database(t)
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	proxy.Up(t)
	s := start(t, func(o *rpc.Options) {
		over(t, o, "postgres://postgres@"+proxy.Address()+"/"+database+"?sslmode=disable")
	})
	created := s.create("HERE")
	read := func() error {
		_, err := s.catalog.GetProduct(s.as(""), &pocctlv1.GetProductRequest{Id: created.GetId()})
		return err
	}
	if err := read(); err != nil {
		t.Fatalf("read: %v", err)
	}
	proxy.Down()
	refused(t, read(), codes.Unavailable, "store-unavailable")
	_, err := s.catalog.CreateProduct(s.editor(), &pocctlv1.CreateProductRequest{Product: draft("AWAY")})
	refused(t, err, codes.Unavailable, "store-unavailable")
	_, err = s.catalog.ListProducts(s.as(""), &pocctlv1.ListProductsRequest{})
	refused(t, err, codes.Unavailable, "store-unavailable")
	proxy.Up(t)
	eventually(t, "reads to succeed again", func() bool { return read() == nil })
}

// verifying has tokens checked against an issuer's keys.
func verifying(t *testing.T, issuer *authtest.Issuer) func(*rpc.Options) {
	t.Helper()
	verifier := issuer.Verifier(t)
	return func(o *rpc.Options) { o.Verifier = verifier }
}

func TestTokensAreCheckedAgainstTheIssuersKeys(t *testing.T) {
	issuer := authtest.New(t)
	s := start(t, verifying(t, issuer))
	who := must(s.account.WhoAmI(
		s.as(issuer.Token(t, authtest.Subject("ann"), authtest.Roles("editor"))), &pocctlv1.WhoAmIRequest{}))(t)
	if who.GetSubject() != "ann" || who.GetRole() != pocctlv1.Role_ROLE_EDITOR || !who.GetExpiresAt().IsValid() {
		t.Errorf("the caller is %v", who)
	}
	for _, forgery := range issuer.Forgeries(t) {
		if !forgery.Sendable() || strings.Trim(forgery.Token, " ") != forgery.Token || forgery.Token == "" {
			continue // no client can send it as it is
		}
		t.Run(forgery.Name, func(t *testing.T) {
			refused(t, s.whoAmI(s.as(forgery.Token)), codes.Unauthenticated, "invalid-token")
		})
	}
}

func TestAnIssuerThatIsAwayIsSaid(t *testing.T) {
	issuer := authtest.New(t)
	issuer.Down()
	s := start(t, verifying(t, issuer))
	token := issuer.Token(t, authtest.Roles(string(auth.Viewer)))
	refused(t, s.whoAmI(s.as(token)), codes.Unavailable, "issuer-unavailable")
	refused(t, s.get(context.WithoutCancel(s.as(""))), codes.NotFound, "product-not-found")
}
