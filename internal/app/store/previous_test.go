package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
)

const previousRelease = "testdata/previous"

// previous is the previous release as the database knows it: its statements, by
// their names in its queries.
type previous struct {
	connection *pgx.Conn
	statements map[string]string
	ran        map[string]bool
}

func previousOn(t *testing.T, url string) *previous {
	t.Helper()
	connection, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	p := &previous{connection, map[string]string{}, map[string]bool{}}
	files, err := filepath.Glob(previousRelease + "/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == "seed.sql" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "-- name: ")[1:] {
			name, statement, _ := strings.Cut(part, "\n")
			name, _, _ = strings.Cut(name, " ")
			p.statements[name] = statement
		}
	}
	return p
}

// run runs a statement, and gives what it answers, column by name.
func (p *previous) run(ctx context.Context, name string, arguments pgx.NamedArgs) ([]map[string]any, error) {
	statement, there := p.statements[name]
	if !there {
		return nil, fmt.Errorf("the previous release has no statement %s", name)
	}
	p.ran[name] = true
	for _, parameter := range regexp.MustCompile(`[^@]@([a-z_]+)`).FindAllStringSubmatch(statement, -1) {
		if _, known := arguments[parameter[1]]; !known {
			return nil, fmt.Errorf("%s has a parameter @%s: say what it is", name, parameter[1])
		}
	}
	rows, err := p.connection.Query(ctx, statement, arguments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToMap)
}

// previousArguments are those that statements about a product take.
func previousArguments(product catalog.Product) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": product.ID, "sku": product.SKU, "name": product.Name, "description": product.Description,
		"price_minor": product.PriceMinor, "currency": product.Currency, "stock": product.Stock,
		"now": product.UpdatedAt, "expected_version": int64(0),
		"after": uuid.Nil, "max_items": int64(100),
		"prefixes": strings.ToLower(strings.ReplaceAll(product.Name, " ", ":* & ")) + ":*", "words": product.Name,
		"sku_pattern": strings.ToLower(product.SKU) + "%",
	}
}

// must runs a statement and gives the SKUs that it answers with.
func (p *previous) must(t *testing.T, name string, arguments pgx.NamedArgs) (skus []string) {
	t.Helper()
	rows, err := p.run(t.Context(), name, arguments)
	if err != nil {
		t.Fatalf("the previous release's %s: %v", name, err)
	}
	for _, row := range rows {
		if sku, is := row["sku"].(string); is {
			skus = append(skus, sku)
		}
	}
	return skus
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestThePreviousReleaseRunsOnThisSchema(t *testing.T) {
	url := migratedURL(t)
	p, s := previousOn(t, url), open(t, url)
	old, current := aProduct("OLD-1", "Copper lantern"), aProduct("NEW-1", "Steel lantern")

	// Each writes a product, and both read both.
	same(t, "created", []string{"OLD-1"}, p.must(t, "CreateProduct", previousArguments(old)))
	create(t, s, current)
	for _, product := range []catalog.Product{old, current} {
		same(t, "got", []string{product.SKU}, p.must(t, "GetProduct", previousArguments(product)))
		if got, err := s.Get(t.Context(), product.ID); err != nil || got.SKU != product.SKU {
			t.Errorf("this release reads %s: %+v, %v", product.SKU, got, err)
		}
		same(t, "found", []string{product.SKU}, p.must(t, "SearchProducts", previousArguments(product)))
		same(t, "found by this release", []string{product.SKU}, found(t, s, catalog.Search{Text: product.Name, Limit: 10}))
	}
	same(t, "listed", []string{"OLD-1", "NEW-1"}, p.must(t, "ListProducts", previousArguments(old)))
	for _, order := range everyOrder() {
		if products, err := s.List(t.Context(), catalog.Query{Sort: order, Limit: 10}); err != nil || len(products) != 2 {
			t.Errorf("this release lists %d by %+v, %v", len(products), order, err)
		}
	}

	// Each changes what the other has written; this one's searches follow.
	current.Name, old.Name = "Oak chair", "Linen bowl"
	same(t, "updated", []string{"NEW-1"}, p.must(t, "UpdateProduct", previousArguments(current)))
	if updated, err := s.Update(t.Context(), old, 1); err != nil || updated.Version != 2 {
		t.Errorf("this release updates what the previous one wrote: %+v, %v", updated, err)
	}
	for _, product := range []catalog.Product{old, current} {
		same(t, "found", []string{product.SKU}, p.must(t, "SearchProducts", previousArguments(product)))
		same(t, "found by this release", []string{product.SKU}, found(t, s, catalog.Search{Text: product.Name, Limit: 10}))
	}
	same(t, "found by words of before", nil, found(t, s, catalog.Search{Text: "lantern", Limit: 10}))
	if rows, err := p.run(t.Context(), "ProductVersion", previousArguments(old)); err != nil || len(rows) != 1 || rows[0]["version"] != int64(2) {
		t.Errorf("the version that the previous release sees: %v, %v, want 2", rows, err)
	}

	// Each deletes what the other has written.
	p.must(t, "DeleteProduct", previousArguments(current))
	if err := s.Delete(t.Context(), old.ID, 2); err != nil {
		t.Errorf("this release deletes what the previous one wrote: %v", err)
	}
	same(t, "listed at the end", nil, p.must(t, "ListProducts", previousArguments(old)))

	for name := range p.statements {
		if !p.ran[name] {
			t.Errorf("nothing has run the previous release's %s", name)
		}
	}
	if err := check(t, url, 0).Err(); err != nil {
		t.Errorf("after both: %v", err)
	}
}

func TestThePreviousReleaseSeedsThisSchema(t *testing.T) {
	url := migratedURL(t)
	text, err := os.ReadFile(previousRelease + "/seed.sql")
	if err != nil {
		t.Fatal(err)
	}
	before, after, cut := strings.Cut(string(text), ":samples\n")
	if !cut {
		t.Fatal("seed.sql has no :samples on a line")
	}
	p := previousOn(t, url)
	err = pgx.BeginFunc(t.Context(), p.connection, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), before); err != nil {
			return err
		}
		columns := []string{"id", "sku", "name", "description", "price_minor", "currency", "stock", "version", "created_at", "updated_at"}
		if _, err := tx.CopyFrom(t.Context(), pgx.Identifier{"seed"}, columns, pgx.CopyFromSlice(50, func(i int) ([]any, error) {
			s := samples.Product(i)
			return []any{s.ID, s.SKU, s.Name, s.Description, s.PriceMinor, s.Currency, s.Stock, int64(1), s.CreatedAt, s.UpdatedAt}, nil
		})); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), after)
		return err
	})
	if err != nil {
		t.Fatalf("the previous release's seed: %v", err)
	}
	if report := check(t, url, 50); report.Err() != nil || report.Untouched != 50 {
		t.Errorf("after the previous release's seed: %+v", report)
	}
}

// A migration runs under traffic of the release before, and loses none of it.
func TestThePreviousReleaseWritesWhileItIsMigrated(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	migratePrevious(t, url)
	p := previousOn(t, url)
	for i := range 3000 {
		product := aProduct(fmt.Sprintf("BEFORE-%d", i), "Copper lantern")
		if _, err := p.run(t.Context(), "CreateProduct", previousArguments(product)); err != nil {
			t.Fatal(err)
		}
	}
	var wrote atomic.Int64
	migrated, written := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-migrated:
				written <- nil
				return
			default:
			}
			product := aProduct(fmt.Sprintf("DURING-%d", i), "Steel kettle")
			for _, statement := range []string{"CreateProduct", "UpdateProduct", "SearchProducts", "DeleteProduct", "CreateProduct"} {
				product.Name = "Linen " + strings.ToLower(statement)
				if _, err := p.run(context.Background(), statement, previousArguments(product)); err != nil {
					written <- fmt.Errorf("%s while it is migrated: %w", statement, err)
					return
				}
			}
			wrote.Add(1)
		}
	}()
	if _, err := store.Migrate(t.Context(), options(url), time.Minute); err != nil {
		t.Errorf("migrate: %v", err)
	}
	close(migrated)
	if err := <-written; err != nil {
		t.Error(err)
	}
	report := check(t, url, 0)
	if want := 3000 + wrote.Load(); report.Err() != nil || report.Products != want || want == 3000 {
		t.Errorf("after the migration: %+v, want %d products", report, want)
	}
}

// migratePrevious brings a database to where the previous release has it.
func migratePrevious(t *testing.T, url string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	database := stdlib.OpenDB(*config)
	defer database.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, database, os.DirFS(previousRelease+"/migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatalf("migrate as the previous release: %v", err)
	}
}

func TestMigrationsThatAreOutDoNotChange(t *testing.T) {
	files, err := filepath.Glob(previousRelease + "/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("the previous release has no migrations: %v", err)
	}
	for _, file := range files {
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(filepath.Join("migrations", filepath.Base(file)))
		if err != nil || !slices.Equal(was, is) {
			t.Errorf("%s has changed since the previous release: databases that have it won't get the change (%v)", filepath.Base(file), err)
		}
	}
}
