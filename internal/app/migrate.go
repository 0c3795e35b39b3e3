package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/store"
)

// Migrate waits for the database and brings its schema to head. Several may do
// so at once, and again on a schema at head. Errors: *OptionError, a database
// that doesn't come up, a migration that fails, by its name.
func Migrate(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger, flush := options.logger()
	defer flush()
	if err := options.awaitDatabase(ctx, logger); err != nil {
		return err
	}
	applied, err := store.Migrate(ctx, options.store(), options.DatabaseWait)
	for _, migration := range applied {
		logger.Info("applied a migration", zap.Int64("version", migration.Version),
			zap.String("name", migration.Name), zap.Duration("seconds", migration.Took))
	}
	if err != nil {
		return err
	}
	head, err := store.Head()
	logger.Info("the schema is at head", zap.Int64("version", head), zap.Int("applied", len(applied)))
	return err
}

// SchemaVersion gives the version of the database's schema, 0 for an empty
// one, and the newest that this build knows.
func SchemaVersion(ctx context.Context, options Options) (current, head int64, err error) {
	if err := options.Validate(); err != nil {
		return 0, 0, err
	}
	products, err := store.New(ctx, options.store())
	if err != nil {
		return 0, 0, err
	}
	defer products.Close()
	return products.SchemaVersion(ctx)
}

// awaitDatabase says once why it waits, so that the log isn't full of it.
func (o Options) awaitDatabase(ctx context.Context, logger *zap.Logger) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.DatabaseWait, fmt.Errorf("not up after %s", o.DatabaseWait))
	defer cancel()
	began, said := time.Now(), false
	err := store.Wait(ctx, o.store(), func(reason error) {
		if !said {
			logger.Info("waiting for the database", zap.Error(reason))
		}
		said = true
	})
	if err == nil && said {
		logger.Info("the database is up", zap.Duration("seconds", time.Since(began)))
	}
	return err
}
