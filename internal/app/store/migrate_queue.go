package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
)

// River's own schema, at the version that a migration of ours brings it to. A
// River that needs a later one takes another migration, and keeps this.
const (
	queueMigration = 5
	queueSchema    = 8
)

// codeMigrations are those that are no SQL of ours.
func codeMigrations() []*goose.Migration {
	return []*goose.Migration{
		goose.NewGoMigration(queueMigration, &goose.GoFunc{RunDB: migrateQueue(queueSchema, rivermigrate.DirectionUp)},
			&goose.GoFunc{RunDB: migrateQueue(-1, rivermigrate.DirectionDown)}),
	}
}

// migrateQueue runs River's migrations. They aren't one transaction, as some use
// what an earlier one has committed; done again, they go on where they were.
func migrateQueue(target int, direction rivermigrate.Direction) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, database *sql.DB) error {
		migrator, err := rivermigrate.New(riverdatabasesql.New(database), nil)
		if err != nil {
			return fmt.Errorf("read the queue's migrations: %w", err)
		}
		if _, err := migrator.Migrate(ctx, direction, &rivermigrate.MigrateOpts{TargetVersion: target}); err != nil {
			return fmt.Errorf("migrate the queue to version %d: %w", target, err)
		}
		return nil
	}
}
