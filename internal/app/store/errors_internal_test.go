package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// What can be provoked is in errors_test.go, and TestAFullDisk; this is all of it.
func TestTranslate(t *testing.T) {
	server := func(code, constraint string) error { return &pgconn.PgError{Code: code, ConstraintName: constraint} }
	tests := map[string]struct {
		err  error
		want error // nil is an error of no kind
	}{
		"no rows":               {pgx.ErrNoRows, catalog.ErrNotFound},
		"SKU taken":             {server("23505", "products_sku_key"), catalog.ErrSKUTaken},
		"ID taken":              {server("23505", "products_pkey"), nil},
		"connection failure":    {server("08006", ""), catalog.ErrUnavailable},
		"disk full":             {server("53100", ""), catalog.ErrUnavailable},
		"out of memory":         {server("53200", ""), catalog.ErrUnavailable},
		"too many connections":  {server("53300", ""), catalog.ErrUnavailable},
		"query canceled":        {server("57014", ""), catalog.ErrUnavailable},
		"admin shutdown":        {server("57P01", ""), catalog.ErrUnavailable},
		"crash shutdown":        {server("57P02", ""), catalog.ErrUnavailable},
		"cannot connect now":    {server("57P03", ""), catalog.ErrUnavailable},
		"I/O error":             {server("58030", ""), catalog.ErrUnavailable},
		"read-only":             {server("25006", ""), catalog.ErrUnavailable},
		"idle in transaction":   {server("25P03", ""), catalog.ErrUnavailable},
		"serialization failure": {server("40001", ""), catalog.ErrUnavailable},
		"deadlock":              {server("40P01", ""), catalog.ErrUnavailable},
		"lock not available":    {server("55P03", ""), catalog.ErrUnavailable},
		"no such table":         {server("42P01", ""), catalog.ErrUnavailable},
		"syntax error":          {server("42601", ""), nil},
		"check violation":       {server("23514", "products_stock_check"), nil},
		"internal error":        {server("XX000", ""), nil},
		"no code":               {server("", ""), nil},
		"connection cut":        {io.ErrUnexpectedEOF, catalog.ErrUnavailable},
		"wrapped":               {fmt.Errorf("wrapped: %w", server("53100", "")), catalog.ErrUnavailable},
		"deadline":              {context.DeadlineExceeded, catalog.ErrUnavailable},
		"the caller has gone":   {context.Canceled, context.Canceled},
		"something else":        {errors.New("else"), nil},
	}
	kinds := []error{catalog.ErrNotFound, catalog.ErrSKUTaken, catalog.ErrUnavailable, context.Canceled}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := translate("do it", test.err)
			for _, kind := range kinds {
				if is, want := errors.Is(got, kind), errors.Is(test.want, kind) && test.want != nil; is != want {
					t.Errorf("%v is %q: %t, want %t", got, kind, is, want)
				}
			}
		})
	}
	if err := translate("do it", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
