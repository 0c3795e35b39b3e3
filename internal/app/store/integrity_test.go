package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
)

const (
	smallSum = "89199831bb4cc395d6f9d3b47ef6fc82bbb79df0d2c4018b9b54cc91cc5c69b5"
	largeSum = "0b03fa2a8955a002fdf5f76d7075db2d0af82fbe1a4b60e3ed79791ca227d538"
)

func seed(t testing.TB, url string, count int) {
	t.Helper()
	if _, err := store.Seed(context.Background(), options(url), count, samples.Product); err != nil {
		t.Fatalf("seed: %v", err)
	}
}

func check(t testing.TB, url string, count int) store.Integrity {
	t.Helper()
	report, err := store.CheckIntegrity(context.Background(), options(url), count, samples.Product)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	return report
}

func run(t testing.TB, url, statements string) {
	t.Helper()
	connection, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	if _, err := connection.Exec(context.Background(), statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

func TestASeedHoldsTogether(t *testing.T) {
	url := migratedURL(t)
	seed(t, url, 200)
	report := check(t, url, 200)
	if report.Rules < 10 {
		t.Errorf("%d rules were looked at, want all of the schema's", report.Rules)
	}
	report.Rules = 0
	want := store.Integrity{Products: 200, Untouched: 200, Sum: smallSum}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("after a seed (-want +got):\n%s", diff)
	}
	if err := report.Err(); err != nil {
		t.Errorf("after a seed: %v", err)
	}
}

func TestWhatUsersDoToSamplesIsNotBroken(t *testing.T) {
	url := migratedURL(t)
	s := open(t, url)
	own := aProduct("sample-000003", "Has the SKU of a sample")
	create(t, s, own)
	seed(t, url, 5)
	between := aProduct("BETWEEN", "Has an ID between two samples'")
	between.ID = samples.Product(3).ID
	between.ID[15]++
	create(t, s, between)
	changed := samples.Product(1)
	changed.Stock--
	if _, err := s.Update(t.Context(), changed, catalog.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []int{0, 4} {
		if err := s.Delete(t.Context(), samples.Product(gone).ID, catalog.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	report := check(t, url, 5)
	report.Rules, report.Sum = 0, ""
	want := store.Integrity{Products: 4, Untouched: 1, Changed: 1, Missing: 3}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("after changes (-want +got):\n%s", diff)
	}
	if report := check(t, url, 0); report.Err() != nil || report.Products != 4 {
		t.Errorf("with no samples at all: %+v", report)
	}
}

func TestWhatIsBrokenIsFound(t *testing.T) {
	tests := map[string]struct{ damage, want string }{
		"a sample": {
			`UPDATE products SET price_minor = price_minor + 1 WHERE sku = 'SAMPLE-000007'`,
			"sample SAMPLE-000007 isn't what was seeded, though nobody has changed it; the samples' sum is ",
		},
		"a check": {
			`ALTER TABLE products DROP CONSTRAINT products_stock_check;
			 UPDATE products SET stock = -1, version = 2 WHERE sku IN ('SAMPLE-000001', 'SAMPLE-000002');
			 ALTER TABLE products ADD CONSTRAINT products_stock_check CHECK (stock >= 0) NOT VALID`,
			"2 rows break products_stock_check of products; constraint products_stock_check isn't valid",
		},
		"a reference": {
			`SET session_replication_role = replica; -- which passes triggers by
			 DELETE FROM products WHERE sku = 'SAMPLE-000001'`,
			"1 rows break product_documents_product_id_fkey of product_documents",
		},
		"a document that is missing": {
			`DELETE FROM product_documents WHERE product_id = (SELECT id FROM products ORDER BY id LIMIT 1)`,
			"1 rows break what products are found by",
		},
		"a document of another name": {
			`UPDATE product_documents SET names = '' WHERE product_id = (SELECT id FROM products ORDER BY id LIMIT 1)`,
			"1 rows break what products are found by",
		},
		"a unique key": {
			`UPDATE pg_index SET indisready = false WHERE indexrelid = 'products_sku_key'::regclass;
			 UPDATE products SET sku = 'sample-000002', version = 2 WHERE sku = 'SAMPLE-000001';
			 UPDATE pg_index SET indisready = true WHERE indexrelid = 'products_sku_key'::regclass`,
			"1 rows break products_sku_key of products",
		},
		"an index": {
			`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'products_name_index'::regclass`,
			"index products_name_index isn't valid",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			url := migratedURL(t)
			seed(t, url, 10)
			run(t, url, test.damage)
			if err := check(t, url, 10).Err(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("found %v, want %s", err, test.want)
			}
		})
	}
}

func TestCheckNeedsADatabase(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t)) // without a schema
	if report, err := store.CheckIntegrity(t.Context(), options(url), 1, samples.Product); err == nil {
		t.Errorf("checked an empty database: %+v", report)
	}
}

// A seed has indexes on words collect; afterwards nothing may be left to collect,
// or every search would read it.
func TestASeedLeavesNothingToCollect(t *testing.T) {
	url := migratedURL(t)
	seed(t, url, 200)
	s := open(t, url)
	var left int64
	var settings []string
	if err := s.Pool().QueryRow(t.Context(), `
		SELECT sum(gin_clean_pending_list(oid)), array_agg(reloptions::text ORDER BY relname) FILTER (WHERE reloptions IS NOT NULL)
		FROM pg_class WHERE relname IN ('product_documents_names_index', 'product_documents_document_index', 'products_document_index')`,
	).Scan(&left, &settings); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("%d pages were left to collect", left)
	}
	if diff := cmp.Diff([]string{"{fastupdate=off}", "{fastupdate=off}"}, settings); diff != "" {
		t.Errorf("the indexes' settings (-want +got):\n%s", diff)
	}
}
