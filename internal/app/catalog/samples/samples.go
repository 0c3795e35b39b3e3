// Package samples makes up products, always the same ones: what tests,
// demonstrations and measurements work on.
package samples

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// Product is the i-th sample, from 0 on, the same in every run and release.
// IDs and SKUs ascend.
func Product(i int) catalog.Product {
	random := rand.New(rand.NewPCG(uint64(i), 42))
	pick := func(words []string) string { return words[random.IntN(len(words))] }
	finish, material, thing := pick(Finishes()), pick(Materials()), pick(Things())
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second)
	return catalog.Product{
		ID: id(created, random),
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

// id is a UUIDv7 (RFC 9562, section 5.7) of a given time and randomness.
func id(created time.Time, random *rand.Rand) (id catalog.ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(created.UnixMilli())<<16|random.Uint64()&0xffff)
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Finishes are the first words of names. Neither their number nor their order
// may ever change, nor those of Materials and Things.
func Finishes() []string {
	return []string{"Matte", "Polished", "Brushed", "Vintage", "Compact", "Folding", "Slim", "Sturdy", "Quiet", "Bright"}
}

// Materials are the second words of names.
func Materials() []string {
	return []string{"copper", "oak", "steel", "linen", "glass", "cork", "walnut", "ceramic", "leather", "bamboo"}
}

// Things are the last words of names.
func Things() []string {
	return []string{"lantern", "kettle", "chair", "notebook", "backpack", "clock", "bowl", "shelf", "lamp", "bench"}
}
