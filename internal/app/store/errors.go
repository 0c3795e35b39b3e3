package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// SQLSTATE codes, from appendix A of the Postgres manual.
const (
	uniqueViolation  = "23505"
	undefinedTable   = "42P01"
	deadlockDetected = "40P01"
)

// translate turns a driver's error into the catalog's terms.
func translate(action string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return catalog.ErrNotFound
	case isTaken(err):
		return catalog.ErrSKUTaken
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", action, err)
	case passes(err):
		return fmt.Errorf("%s: %w: %w", action, catalog.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", action, err)
}

func isTaken(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == uniqueViolation && server.ConstraintName == "products_sku_key"
}

// passes tells whether the same statement may well succeed later.
func passes(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator (statement_timeout, too), system
			return true
		}
		// 42P01: migrations have yet to run.
		return server.Code == deadlockDetected || server.Code == undefinedTable
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}
