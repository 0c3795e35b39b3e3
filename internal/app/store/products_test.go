package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

func TestProductGoesThroughItsLife(t *testing.T) {
	s, ctx := migrated(t), t.Context()
	want := aProduct("LAMP-1", "Oak lamp")
	if diff := cmp.Diff(want, create(t, s, want)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	got, err := s.Get(ctx, want.ID)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("read: %v (-want +got):\n%s", err, diff)
	}

	want.Name, want.Stock, want.UpdatedAt = "Oak lamp, tall", 3, want.UpdatedAt.Add(time.Hour)
	updated, err := s.Update(ctx, want, 1)
	want.Version = 2
	if diff := cmp.Diff(want, updated); err != nil || diff != "" {
		t.Errorf("updated: %v (-want +got):\n%s", err, diff)
	}

	if err := s.Delete(ctx, want.ID, 2); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Get(ctx, want.ID); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("read after delete: %v, want ErrNotFound", err)
	}
}

func TestWritesThatDoNotFit(t *testing.T) {
	s, ctx := migrated(t), t.Context()
	there := create(t, s, aProduct("TAKEN", "There first"))
	other := create(t, s, aProduct("OTHER", "There second"))
	absent := aProduct("ABSENT", "Nowhere")

	inOtherCase := aProduct("taken", "Late")
	if _, err := s.Create(ctx, inOtherCase); !errors.Is(err, catalog.ErrSKUTaken) {
		t.Errorf("create a SKU that differs in case: %v, want ErrSKUTaken", err)
	}
	other.SKU = there.SKU
	if _, err := s.Update(ctx, other, catalog.AnyVersion); !errors.Is(err, catalog.ErrSKUTaken) {
		t.Errorf("update to a SKU that is taken: %v, want ErrSKUTaken", err)
	}
	if _, err := s.Update(ctx, absent, catalog.AnyVersion); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("update nothing: %v, want ErrNotFound", err)
	}
	if err := s.Delete(ctx, absent.ID, 1); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("delete nothing: %v, want ErrNotFound", err)
	}
	var mismatch *catalog.VersionMismatch
	if _, err := s.Update(ctx, there, 5); !errors.As(err, &mismatch) || mismatch.Actual != 1 || mismatch.Expected != 5 {
		t.Errorf("update another version: %v, want a mismatch of 5 and 1", err)
	}
	if err := s.Delete(ctx, there.ID, 5); !errors.As(err, &mismatch) {
		t.Errorf("delete another version: %v, want a mismatch", err)
	}
}

func TestOneOfManyUpdatesOfAVersionWins(t *testing.T) {
	s, ctx := migrated(t), t.Context()
	product := create(t, s, aProduct("RACE", "Contended"))
	const writers = 16
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			_, err := s.Update(ctx, product, 1)
			var mismatch *catalog.VersionMismatch
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &mismatch):
				lost.Add(1)
			default:
				t.Errorf("update: %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != writers-1 {
		t.Errorf("%d won and %d lost, want 1 and %d", won.Load(), lost.Load(), writers-1)
	}
	if after, err := s.Get(ctx, product.ID); err != nil || after.Version != 2 {
		t.Errorf("version %d after one update (%v), want 2", after.Version, err)
	}
}

func TestUnconditionalUpdatesAllCount(t *testing.T) {
	s, ctx := migrated(t), t.Context()
	product := create(t, s, aProduct("COUNT", "Counted"))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := s.Update(ctx, product, catalog.AnyVersion); err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	all.Wait()
	if after, err := s.Get(ctx, product.ID); err != nil || after.Version != 17 {
		t.Errorf("version %d after 16 updates (%v), want 17", after.Version, err)
	}
}

// An order changes the stock of its products: none of the indexes may have to
// know, or each sale would write to all of them.
func TestAChangeOfStockTouchesNoIndex(t *testing.T) {
	url := migratedURL(t)
	s := open(t, url)
	product := create(t, s, aProduct("SOLD", "Sold a piece at a time"))
	for range 20 {
		product.Stock++
		product.UpdatedAt = product.UpdatedAt.Add(time.Second)
		if _, err := s.Update(t.Context(), product, catalog.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	s.Close() // a connection that ends has what it did counted at once
	counts := open(t, url)
	recovers(t, "counting", func(ctx context.Context) error {
		var updates, heapOnly int64
		err := counts.Pool().QueryRow(ctx, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'products'").Scan(&updates, &heapOnly)
		if err == nil && (updates < 20 || heapOnly < 20) {
			err = fmt.Errorf("%d updates, %d of them heap-only, want 20", updates, heapOnly)
		}
		return err
	})
}
