package cli

import (
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/verify/shoptest"
)

func TestSmokeElsewhere(t *testing.T) {
	alone(t)
	shop := shoptest.New(t)
	stdout, stderr, code := typed(t, "smoke", "--url", shop.Root)
	if code != 0 || !strings.Contains(stdout, "passed   smoke/transaction") || !strings.Contains(stderr, "migration 2 of 2\ncreate ") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if shop.Products() != 0 {
		t.Error("the product is still there")
	}
	stdout, _, code = typed(t, "smoke", "--url", shop.Root, "-o", "json")
	if code != 0 || !strings.Contains(stdout, `"smoke/migrations"`) {
		t.Errorf("exit %d: %s", code, stdout)
	}
	stdout, stderr, code = typed(t, "smoke", "--url", "http://127.0.0.1:1", "--deadline", "50ms")
	if code != 1 || !strings.Contains(stdout, "failed   smoke/migrations") || !strings.Contains(stdout, "skipped  smoke/transaction") || !strings.Contains(stderr, "http://127.0.0.1:1/readyz") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if _, stderr, code = typed(t, "smoke", "--url", shop.Root, "--issuer", shop.Root); code != 2 || !strings.Contains(stderr, "POCCTL_SMOKE_SECRET") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
