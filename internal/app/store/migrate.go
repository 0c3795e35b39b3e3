package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations only ever expand the schema: the release before must run on it,
// so that a rollback needs no database change. What nothing uses any more is
// dropped a release later.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migration is one that was applied.
type Migration struct {
	Version int64
	Name    string
	Took    time.Duration
}

// Migrate brings the schema to head. Several may do so at once: one works, the
// others wait up to lockTimeout for it (whole seconds). It returns what it
// applied itself, also when a later migration fails.
func Migrate(ctx context.Context, options Options, lockTimeout time.Duration) ([]Migration, error) {
	config, err := options.config()
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(max(1, lockTimeout/time.Second))))
	if err != nil {
		return nil, fmt.Errorf("make the migration lock: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open the migrations: %w", err)
	}
	database := stdlib.OpenDB(*config)
	defer database.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, database, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(codeMigrations()...))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return applied(partial.Applied), fmt.Errorf("apply migration %s: %w", nameOf(partial.Failed.Source), partial.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("apply migrations: %w", err)
	}
	return applied(results), nil
}

func applied(results []*goose.MigrationResult) []Migration {
	migrations := make([]Migration, len(results))
	for i, result := range results {
		migrations[i] = Migration{result.Source.Version, nameOf(result.Source), result.Duration}
	}
	return migrations
}

// nameOf is a migration's file; those that are code have none.
func nameOf(source *goose.Source) string {
	if source.Version == queueMigration {
		return "00005 (the queue's schema)"
	}
	return filepath.Base(source.Path)
}

// Head is the newest schema version that this build knows.
func Head() (int64, error) {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	var head int64
	for _, entry := range entries {
		version, err := goose.NumericComponent(entry.Name())
		if err != nil {
			return 0, fmt.Errorf("read the migrations: %w", err)
		}
		head = max(head, version)
	}
	return head, nil
}

// SchemaVersion gives the version of the database's schema (0 for an empty
// database) and the newest that this build knows.
func (s *Store) SchemaVersion(ctx context.Context) (current, head int64, err error) {
	current, err = schemaVersion(ctx, s.pool)
	return current, s.head, err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func schemaVersion(ctx context.Context, from querier) (int64, error) {
	var version int64
	err := from.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == undefinedTable {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}
