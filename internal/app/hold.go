package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/store"
)

// HoldConnections has a share of the database's connections in use for a while: an
// exercise, which alerts have to tell of. Errors: *OptionError, a database that can't
// be reached.
func HoldConnections(ctx context.Context, options Options, share float64, lasts time.Duration) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger, flush := options.logger()
	defer flush()
	held, err := store.HoldConnections(ctx, options.store(), share, lasts)
	if err != nil {
		return fmt.Errorf("hold connections: %w", err)
	}
	logger.Info("held connections", zap.Int("connections", held), zap.Duration("for", lasts))
	return nil
}
