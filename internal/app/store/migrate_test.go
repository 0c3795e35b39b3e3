package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func TestMigrateBringsTheSchemaToHeadOnce(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	s := open(t, url)
	current, head, err := s.SchemaVersion(t.Context())
	if err != nil || current != 0 || head == 0 {
		t.Fatalf("an empty database is at %d of %d (%v), want 0 of more", current, head, err)
	}
	if _, err := s.Get(t.Context(), catalog.ID{}); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("read before migrations: %v, want ErrUnavailable", err)
	}
	applied, err := store.Migrate(t.Context(), options(url), time.Minute)
	if err != nil || int64(len(applied)) != head {
		t.Fatalf("applied %d migrations (%v), want %d", len(applied), err, head)
	}
	if current, _, err = s.SchemaVersion(t.Context()); err != nil || current != head {
		t.Errorf("at %d after migrating (%v), want %d", current, err, head)
	}
	if applied, err = store.Migrate(t.Context(), options(url), time.Minute); err != nil || len(applied) != 0 {
		t.Errorf("applied %d migrations the second time (%v), want none", len(applied), err)
	}
}

func TestManyMayMigrateAtOnce(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	head, err := store.Head()
	if err != nil {
		t.Fatal(err)
	}
	var applied atomic.Int64
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			mine, err := store.Migrate(t.Context(), options(url), time.Minute)
			if err != nil {
				t.Errorf("migrate: %v", err)
			}
			applied.Add(int64(len(mine)))
		})
	}
	all.Wait()
	if applied.Load() != head {
		t.Errorf("five applied %d migrations between them, want %d", applied.Load(), head)
	}
}

func TestAFailingMigrationIsNamed(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	if _, err := connection.Exec(t.Context(), "CREATE TABLE products (mine int)"); err != nil {
		t.Fatal(err)
	}
	_, err = store.Migrate(t.Context(), options(url), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "apply migration 00001_create_products.sql") {
		t.Errorf("migrate over a table in the way: %v, want the migration's name", err)
	}
}

func TestWaitForADatabaseThatComesLate(t *testing.T) {
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	url := "postgres://postgres@" + proxy.Address() + "/postgres"
	attempted := make(chan struct{})
	var once sync.Once
	waited := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() {
		waited <- store.Wait(ctx, options(url), func(error) { once.Do(func() { close(attempted) }) })
	}()
	<-attempted
	proxy.Up(t)
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
}

func TestWaitNamesWhatItWaitedFor(t *testing.T) {
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	ctx, giveUp := context.WithCancelCause(t.Context())
	err := store.Wait(ctx, options("postgres://postgres@"+proxy.Address()+"/shop"), func(error) {
		giveUp(errors.New("patience is over"))
	})
	host, port, _ := strings.Cut(proxy.Address(), ":")
	for _, part := range []string{`database "shop"`, host + ":" + port, "patience is over", "connection refused"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("wait: %v, want it to say %q", err, part)
		}
	}
}

func TestWaitEndsAtOnceWhenRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := strings.Replace(postgres.URL(t, "postgres"), "user=postgres", "user=ghost", 1)
	if err := store.Wait(ctx, options(url), nil); err == nil || !strings.Contains(err.Error(), "ghost") {
		t.Errorf("wait as a role that isn't there: %v, want its name", err)
	}
	if ctx.Err() != nil {
		t.Error("it waited for the deadline")
	}
}

func TestSeedAddsWhatIsMissing(t *testing.T) {
	url := migratedURL(t)
	s := open(t, url)
	samples := []catalog.Product{aProduct("S-0", "Zero"), aProduct("S-1", "One"), aProduct("S-2", "Two")}
	sample := func(i int) catalog.Product { return samples[i] }
	seed := func(count int) int64 {
		added, err := store.Seed(t.Context(), options(url), count, sample)
		if err != nil {
			t.Fatalf("seed: %v", err)
		}
		return added
	}
	if added := seed(2); added != 2 {
		t.Errorf("added %d, want 2", added)
	}
	changed := samples[0]
	changed.Name = "Changed by a user"
	if _, err := s.Update(t.Context(), changed, 1); err != nil {
		t.Fatal(err)
	}
	if added := seed(3); added != 1 {
		t.Errorf("added %d the second time, want 1", added)
	}
	if got, err := s.Get(t.Context(), changed.ID); err != nil || got.Name != changed.Name {
		t.Errorf("seeding again changed %q to %q (%v)", changed.Name, got.Name, err)
	}
}

func TestSeedNeedsTheSchema(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	_, err := store.Seed(t.Context(), options(url), 1, func(int) catalog.Product { return aProduct("S", "S") })
	if err == nil || !strings.Contains(err.Error(), "run migrate first") {
		t.Errorf("seed an empty database: %v, want the advice to migrate", err)
	}
}

func TestAnOutagePasses(t *testing.T) {
	database := postgres.Database(t)
	if _, err := store.Migrate(t.Context(), options(postgres.URL(t, database)), time.Minute); err != nil {
		t.Fatal(err)
	}
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	proxy.Up(t)
	s := open(t, "postgres://postgres@"+proxy.Address()+"/"+database)
	product := create(t, s, aProduct("OUT", "Outage"))
	proxy.Down()
	if _, err := s.Get(t.Context(), product.ID); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("read without a database: %v, want ErrUnavailable", err)
	}
	proxy.Up(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := s.Get(ctx, product.ID)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the store hasn't recovered: %v", err)
		}
	}
}

// Migrations that aren't one transaction leave something behind when they are cut
// short; the next run begins them anew.
func TestMigrationsThatWereCutShortAreRunAgain(t *testing.T) {
	url := postgres.URL(t, postgres.Database(t))
	migratePrevious(t, url)
	p := previousOn(t, url)
	for i := range 10 {
		p.must(t, "CreateProduct", previousArguments(aProduct(fmt.Sprintf("CUT-%d", i), "Cork lamp")))
	}
	run(t, url, `
		CREATE INDEX products_name_index ON products (name);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'products_name_index'::regclass;
		CREATE TABLE product_documents (product_id uuid PRIMARY KEY REFERENCES products ON DELETE CASCADE, names tsvector NOT NULL, document tsvector NOT NULL);
		CREATE INDEX product_documents_names_index ON product_documents (product_id)`)
	if _, err := store.Migrate(t.Context(), options(url), time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	if report := check(t, url, 0); report.Err() != nil || report.Products != 10 {
		t.Errorf("after migrations that were cut short: %+v", report)
	}
	if got := found(t, open(t, url), catalog.Search{Text: "lamp", Limit: 100}); len(got) != 10 {
		t.Errorf("found %d of 10 products of before", len(got))
	}
}
