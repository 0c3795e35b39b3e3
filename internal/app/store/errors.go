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
	uniqueViolation      = "23505"
	undefinedTable       = "42P01"
	readOnlyTransaction  = "25006"
	idleTransactionEnded = "25P03"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
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
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true // whatever kept it from connecting, a password that is being changed included
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return passesBy(server.Code)
	}
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}

func passesBy(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", // connection
		"53", // resources: a full disk, too many connections
		"57", // operator: a timeout of a statement, a shutdown
		"58": // the system: I/O
		return true
	}
	switch code {
	case serializationFailure, deadlockDetected, lockNotAvailable, idleTransactionEnded,
		readOnlyTransaction, // a replica, until it takes over
		undefinedTable:      // migrations have yet to run
		return true
	}
	return false
}
