package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const pollInterval = 200 * time.Millisecond

// Wait returns as soon as the database takes connections, or names the last
// reason why not when ctx ends. A refused password or role is final at once.
// Every failed attempt is told to progress, which may be nil.
func Wait(ctx context.Context, options Options, progress func(reason error)) error {
	config, err := options.config()
	if err != nil {
		return err
	}
	place := fmt.Sprintf("database %q at %s:%d", config.Database, config.Host, config.Port)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var reason error
	for {
		attempt := knock(ctx, config)
		switch {
		case attempt == nil:
			return nil
		case refused(attempt):
			return fmt.Errorf("connect to %s: %w", place, attempt)
		case ctx.Err() == nil || reason == nil:
			reason = attempt // the last one that wasn't cut short
		}
		if progress != nil {
			progress(reason)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; the last attempt: %w", place, context.Cause(ctx), reason)
		case <-tick.C:
		}
	}
}

func knock(ctx context.Context, config *pgx.ConnConfig) error {
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	return connection.Ping(ctx)
}

func refused(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code[:2] == "28" // invalid authorization
}
