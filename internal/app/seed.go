package app

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
)

const maxSeed = 1_000_000

// Seed makes sure of SeedCount sample products, always the same ones, and
// leaves alone those that are there, changed or not. The schema has to be at
// head. Errors: *OptionError, a database that doesn't come up or isn't at head.
func Seed(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger := options.logger()
	defer func() { _ = logger.Sync() }()
	if err := options.awaitDatabase(ctx, logger); err != nil {
		return err
	}
	began := time.Now()
	added, err := store.Seed(ctx, options.store(), options.SeedCount, sample)
	if err != nil {
		return fmt.Errorf("seed %d products: %w", options.SeedCount, err)
	}
	logger.Info("seeded", zap.Int("products", options.SeedCount), zap.Int64("added", added),
		zap.Duration("seconds", time.Since(began)))
	return nil
}

// sample is the i-th sample product, the same in every run and release.
func sample(i int) catalog.Product {
	random := rand.New(rand.NewPCG(uint64(i), 42))
	pick := func(words []string) string { return words[random.IntN(len(words))] }
	finish, material, thing := pick(finishes()), pick(materials()), pick(things())
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second)
	return catalog.Product{
		ID: sampleID(created, random),
		Draft: catalog.Draft{
			SKU:         fmt.Sprintf("SAMPLE-%06d", i+1),
			Name:        fmt.Sprintf("%s %s %s", finish, material, thing),
			Description: fmt.Sprintf("A %s made of %s. Sample number %d.", thing, material, i+1),
			PriceMinor:  int64(100 + random.IntN(50_000)),
			Currency:    pick([]string{"EUR", "EUR", "GBP", "USD"}),
			Stock:       int64(random.IntN(500)),
		},
		Version:   1,
		CreatedAt: created,
		UpdatedAt: created,
	}
}

// sampleID is a UUIDv7 (RFC 9562, section 5.7) of a given time and randomness.
func sampleID(created time.Time, random *rand.Rand) (id catalog.ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(created.UnixMilli())<<16|random.Uint64()&0xffff)
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

func finishes() []string {
	return []string{"Matte", "Polished", "Brushed", "Vintage", "Compact", "Folding", "Slim", "Sturdy", "Quiet", "Bright"}
}

func materials() []string {
	return []string{"copper", "oak", "steel", "linen", "glass", "cork", "walnut", "ceramic", "leather", "bamboo"}
}

func things() []string {
	return []string{"lantern", "kettle", "chair", "notebook", "backpack", "clock", "bowl", "shelf", "lamp", "bench"}
}
