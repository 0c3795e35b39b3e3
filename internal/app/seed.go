package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
)

// Sizes of seeds: enough to look at, and enough to measure.
const (
	SmallSeed = 200
	LargeSeed = 100_000
	maxSeed   = 1_000_000
)

// Seed makes sure of SeedCount sample products, always the same ones, and
// leaves alone those that are there, changed or not. Then it checks that the
// database holds together. The schema has to be at head. Errors: *OptionError, a
// database that doesn't come up or isn't at head, what the check has found.
func Seed(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger, flush := options.logger()
	defer flush()
	if err := options.awaitDatabase(ctx, logger); err != nil {
		return err
	}
	began := time.Now()
	added, err := store.Seed(ctx, options.store(), options.SeedCount, samples.Product)
	if err != nil {
		return fmt.Errorf("seed %d products: %w", options.SeedCount, err)
	}
	logger.Info("seeded", zap.Int("products", options.SeedCount), zap.Int64("added", added),
		zap.Duration("seconds", time.Since(began)))

	began = time.Now()
	report, err := store.CheckIntegrity(ctx, options.store(), options.SeedCount, samples.Product)
	if err != nil {
		return fmt.Errorf("check the seeded database: %w", err)
	}
	fields := []zap.Field{
		zap.Int64("products", report.Products),
		zap.Int("samples_untouched", report.Untouched), zap.Int("samples_changed", report.Changed),
		zap.Int("samples_missing", report.Missing), zap.String("sum", report.Sum),
		zap.Int("rules", report.Rules), zap.Duration("seconds", time.Since(began)),
	}
	if err := report.Err(); err != nil {
		logger.Error("the database doesn't hold together", append(fields, zap.Error(err))...)
		return fmt.Errorf("check the seeded database: %w", err)
	}
	logger.Info("the database holds together", fields...)
	return nil
}
