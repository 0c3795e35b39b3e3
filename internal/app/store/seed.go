package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// Seed adds those of the products, given one at a time by next, that aren't
// there yet: a product whose ID or SKU is taken is left as it is. It is one
// transaction and returns how many it added.
func Seed(ctx context.Context, options Options, count int, next func(i int) catalog.Product) (added int64, err error) {
	config, err := options.config()
	if err != nil {
		return 0, err
	}
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("connect to the database: %w", err)
	}
	defer connection.Close(context.WithoutCancel(ctx))
	current, err := schemaVersion(ctx, connection)
	if err != nil {
		return 0, err
	}
	if head, err := Head(); err != nil || current < head {
		return 0, fmt.Errorf("the schema is at version %d, %d is needed: run migrate first", current, head)
	}
	err = pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
		added, err = copyProducts(ctx, tx, count, next)
		return err
	})
	return added, err
}

func copyProducts(ctx context.Context, tx pgx.Tx, count int, next func(i int) catalog.Product) (int64, error) {
	// COPY knows no ON CONFLICT, so it goes through a table of its own.
	if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE seed (LIKE products) ON COMMIT DROP"); err != nil {
		return 0, fmt.Errorf("make the seed's table: %w", err)
	}
	columns := []string{"id", "sku", "name", "description", "price_minor", "currency", "stock", "version", "created_at", "updated_at"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"seed"}, columns, pgx.CopyFromSlice(count, func(i int) ([]any, error) {
		p := next(i)
		return []any{p.ID, p.SKU, p.Name, p.Description, p.PriceMinor, p.Currency, p.Stock, int64(1), p.CreatedAt, p.UpdatedAt}, nil
	}))
	if err != nil {
		return 0, fmt.Errorf("copy products: %w", err)
	}
	if _, err := tx.Exec(ctx, collectWords); err != nil {
		return 0, fmt.Errorf("have indexes on words collect: %w", err)
	}
	result, err := tx.Exec(ctx, "INSERT INTO products SELECT seed.* FROM seed ORDER BY id ON CONFLICT DO NOTHING")
	if err != nil {
		return 0, fmt.Errorf("add products: %w", err)
	}
	if _, err := tx.Exec(ctx, indexWords); err != nil {
		return 0, fmt.Errorf("index the products' words: %w", err)
	}
	// What the planner knows of a table that was empty until now would mislead it.
	if _, err := tx.Exec(ctx, "ANALYZE products, product_documents"); err != nil {
		return 0, fmt.Errorf("take statistics of products: %w", err)
	}
	return result.RowsAffected(), nil
}

// An index on words takes those of many products far faster all at once than
// product by product. Others see nothing of it: it is undone before the commit.
const (
	collectWords = `
		SET LOCAL gin_pending_list_limit = '1GB';
		SET LOCAL maintenance_work_mem = '128MB';
		ALTER INDEX product_documents_names_index SET (fastupdate = on);
		ALTER INDEX product_documents_document_index SET (fastupdate = on)`
	indexWords = `
		SELECT gin_clean_pending_list(index) FROM unnest(ARRAY[
			'product_documents_names_index', 'product_documents_document_index', 'products_document_index'
		]::regclass[]) AS index;
		ALTER INDEX product_documents_names_index SET (fastupdate = off);
		ALTER INDEX product_documents_document_index SET (fastupdate = off)`
)
