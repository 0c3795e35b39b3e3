package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

func options(url string) store.Options {
	return store.Options{
		URL: url, ConnectTimeout: 3 * time.Second, MaxConnections: 8, MinIdleConnections: 1,
		StatementTimeout: 5 * time.Second, LockTimeout: 4 * time.Second, IdleInTransactionTimeout: 5 * time.Second,
	}
}

// migrated gives a store on a database of its own, at head.
func migrated(t testing.TB) *store.Store {
	t.Helper()
	return open(t, migratedURL(t))
}

func migratedURL(t testing.TB) string {
	t.Helper()
	url := postgres.URL(t, postgres.Database(t))
	if _, err := store.Migrate(context.Background(), options(url), time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return url
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	opened, err := store.New(context.Background(), options(url))
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(opened.Close)
	return opened
}

func aProduct(sku, name string) catalog.Product {
	now := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	return catalog.Product{
		ID: uuid.Must(uuid.NewV7()),
		Draft: catalog.Draft{
			SKU: sku, Name: name, Description: "A fine thing.",
			PriceMinor: 1999, Currency: "EUR", Stock: 7,
		},
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

func create(t testing.TB, s *store.Store, product catalog.Product) catalog.Product {
	t.Helper()
	created, err := s.Create(context.Background(), product)
	if err != nil {
		t.Fatalf("create %s: %v", product.SKU, err)
	}
	return created
}
