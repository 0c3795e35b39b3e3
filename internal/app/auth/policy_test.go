package auth_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestRolesStandAboveOneAnother(t *testing.T) {
	roles := []auth.Role{auth.Anonymous, auth.Viewer, auth.Editor, auth.Admin}
	for have, role := range roles {
		for need, least := range roles {
			if got, want := role.Allows(least), have >= need; got != want {
				t.Errorf("%q allows what %q may: %t, want %t", role, least, got, want)
			}
		}
	}
	for _, unknown := range []auth.Role{"root", "Admin", "ADMIN", " admin", "nobody", "viewer,admin"} {
		for _, role := range append(roles, unknown) {
			if unknown.Allows(role) {
				t.Errorf("the unknown role %q allows what %q may", unknown, role)
			}
			if role.Allows(unknown) {
				t.Errorf("%q allows what the unknown role %q may", role, unknown)
			}
		}
	}
}

func TestEveryOperationAgainstEveryRole(t *testing.T) {
	want := map[auth.Role][]string{
		auth.Anonymous: {"listProducts", "getProduct", "searchProducts", "suggestProducts"},
		auth.Viewer:    {"placeOrder", "listOrders", "getOrder", "cancelOrder", "whoAmI", "listObjectives"},
		auth.Editor:    {"createProduct", "replaceProduct", "deleteProduct"},
		auth.Admin:     {"listFlags", "setFlagOverride", "clearFlagOverride", "listDeadLetters", "requeueDeadLetter", "listAudit"},
	}
	least := map[string]auth.Role{}
	for role, operations := range want {
		for _, operation := range operations {
			least[operation] = role
		}
	}
	if diff := cmp.Diff(least, auth.Operations()); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	for operation, needs := range least {
		for _, role := range []auth.Role{auth.Viewer, auth.Editor, auth.Admin} {
			err := auth.Authorize(auth.Principal{Subject: "ada", Role: role}, operation)
			var forbidden *auth.Forbidden
			switch {
			case role.Allows(needs) && err != nil:
				t.Errorf("%s by %s: %v", operation, role, err)
			case !role.Allows(needs) && (!errors.As(err, &forbidden) || *forbidden != auth.Forbidden{Operation: operation, Needs: needs}):
				t.Errorf("%s by %s: %v, want it forbidden without %s", operation, role, err, needs)
			}
		}
		err := auth.Authorize(auth.Principal{}, operation)
		if public := needs == auth.Anonymous; public && err != nil || !public && !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s by nobody: %v", operation, err)
		}
	}
}

func TestWhatThePolicyDoesNotKnowIsRefused(t *testing.T) {
	admin := auth.Principal{Subject: "ada", Role: auth.Admin}
	for _, operation := range []string{"", "dropDatabase", "ListProducts", "listproducts", "listProducts "} {
		var forbidden *auth.Forbidden
		if err := auth.Authorize(admin, operation); !errors.As(err, &forbidden) || err.Error() != "nobody may do this" {
			t.Errorf("%q by an admin: %v, want it forbidden", operation, err)
		}
		if err := auth.Authorize(auth.Principal{}, operation); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q by nobody: %v, want ErrUnauthenticated", operation, err)
		}
	}
}

func TestOddPrincipalsAreRefused(t *testing.T) {
	tests := map[string]auth.Principal{
		"a role without a subject": {Role: auth.Admin},
		"a subject without a role": {Subject: "ada"},
		"an unknown role":          {Subject: "ada", Role: "root"},
		"a role in another case":   {Subject: "ada", Role: "ADMIN"},
	}
	for name, principal := range tests {
		if err := auth.Authorize(principal, "whoAmI"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestThePrincipalGoesByContext(t *testing.T) {
	if got := auth.FromContext(t.Context()); !got.IsAnonymous() || got != (auth.Principal{}) {
		t.Errorf("without one: %+v, want nobody", got)
	}
	ada := auth.Principal{Subject: "ada", Role: auth.Editor}
	if got := auth.FromContext(auth.NewContext(t.Context(), ada)); got != ada || got.IsAnonymous() {
		t.Errorf("got %+v, want %+v", got, ada)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	admin := auth.Principal{Subject: "ada", Role: auth.Admin}
	b.ReportAllocs()
	for b.Loop() {
		if err := auth.Authorize(admin, "listAudit"); err != nil {
			b.Fatal(err)
		}
	}
}
