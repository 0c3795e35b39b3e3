package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

// fullDisk is a store on a disk that can be filled, and what it has acknowledged.
type fullDisk struct {
	*store.Store
	server       *storetest.Small
	acknowledged map[string]catalog.Product
}

func onSmallDisk(t *testing.T, logApart bool) *fullDisk {
	t.Helper()
	server := storetest.NewSmall(t, logApart)
	if _, err := store.Migrate(t.Context(), options(server.URL()), time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	seed(t, server.URL(), 500)
	return &fullDisk{open(t, server.URL()), server, map[string]catalog.Product{}}
}

// add writes a product that takes half a page.
func (d *fullDisk) add(i int) error {
	product := aProduct(fmt.Sprintf("FULL-%d", i), fmt.Sprintf("Written %d", i))
	words := &strings.Builder{}
	for word := range catalog.MaxDescription {
		fmt.Fprintf(words, "%d.%d ", i, word) // no two alike, or Postgres would compress them
	}
	product.Description = words.String()[:catalog.MaxDescription]
	created, err := d.Create(context.Background(), product)
	if err == nil {
		d.acknowledged[created.SKU] = created
	}
	return err
}

// change writes to one product, which takes room in the log alone.
func (d *fullDisk) change(product catalog.Product) error {
	updated, err := d.Update(context.Background(), product, catalog.AnyVersion)
	if err == nil {
		d.acknowledged[updated.SKU] = updated
	}
	return err
}

// sound fails the test unless all is there that was acknowledged, and in order.
func (d *fullDisk) sound(t *testing.T) {
	t.Helper()
	for sku, want := range d.acknowledged {
		got, err := d.Get(t.Context(), want.ID)
		if got.Version > want.Version { // a change whose answer was lost
			got.Version = want.Version
		}
		if err != nil || got != want {
			t.Errorf("%s was acknowledged, and is %+v, %v", sku, got, err)
		}
	}
	report := check(t, d.server.URL(), 500)
	if err := report.Err(); err != nil || report.Untouched != 500 || report.Products < int64(500+len(d.acknowledged)) {
		t.Errorf("after the full disk: %+v, want at least %d products", report, 500+len(d.acknowledged))
	}
	if _, err := d.Pool().Exec(t.Context(), "CREATE EXTENSION amcheck"); err != nil {
		t.Logf("this Postgres comes without amcheck; the rows have been read, with their pages' checksums: %v", err)
		return
	}
	for _, statement := range []string{
		`SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
			WHERE a.amname = 'btree' AND c.relnamespace = 'public'::regnamespace`,
		`SELECT 1 / count(*) FROM (SELECT 1 WHERE NOT EXISTS (SELECT FROM verify_heapam('products')
			UNION ALL SELECT FROM verify_heapam('product_documents'))) AS sound`,
	} {
		if _, err := d.Pool().Exec(t.Context(), statement); err != nil {
			t.Errorf("verify the files: %v", err)
		}
	}
}

func diskFull(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "53100"
}

func TestAFullDiskRefusesWritesAndServesReads(t *testing.T) {
	d := onSmallDisk(t, true)
	d.server.Fill(t)
	next, refused := 0, 0
	for ; refused < 20; next++ {
		err := d.add(next)
		switch {
		case err == nil && next > 20_000:
			t.Fatalf("%d products went onto a full disk", next)
		case err == nil:
			continue
		case !errors.Is(err, catalog.ErrUnavailable) || !diskFull(err):
			t.Fatalf("write %d on a full disk: %v, want ErrUnavailable, by SQLSTATE 53100", next, err)
		}
		refused++
		if _, err := d.Get(t.Context(), samples.Product(0).ID); err != nil {
			t.Fatalf("read on a full disk: %v", err)
		}
		if got := found(t, d.Store, catalog.Search{Text: "SAMPLE-000001", Limit: 1}); len(got) != 1 {
			t.Fatalf("search on a full disk: %v", got)
		}
	}
	d.server.Free(t)
	for range 50 { // the same store goes on, at once
		next++
		if err := d.add(next); err != nil {
			t.Fatalf("write once there is room: %v", err)
		}
	}
	d.sound(t)
}

func TestAFullDiskBringsPostgresDownAndLosesNothing(t *testing.T) {
	d := onSmallDisk(t, false)
	product := create(t, d.Store, aProduct("LOG", "Changed until the log is full"))
	// A replica that doesn't come is the usual reason why a log grows.
	if _, err := d.Pool().Exec(t.Context(), "SELECT pg_create_physical_replication_slot('absent', true)"); err != nil {
		t.Fatal(err)
	}
	d.server.Fill(t)
	began := time.Now()
	for down := 0; down < 5; {
		err := d.change(product)
		switch {
		case err != nil && !errors.Is(err, catalog.ErrUnavailable):
			t.Fatalf("write with a full log: %v, want ErrUnavailable", err)
		case err != nil && !diskFull(err):
			down++
		case time.Since(began) > time.Minute:
			t.Fatalf("the log isn't full, or Postgres runs all the same; the last write: %v", err)
		}
	}
	d.server.Free(t)
	recovers(t, "writing", func(context.Context) error { return d.change(product) })
	for i := range 50 {
		if err := d.add(i); err != nil {
			t.Fatalf("write once there is room: %v", err)
		}
	}
	d.sound(t)
}
