package orders

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// Limits of an order.
const (
	MaxLines    = 50
	MaxQuantity = 1000
	MaxKey      = 255 // bytes of an idempotency key
	MaxPage     = 100
)

func validate(key string, draft Draft) error {
	var broken catalog.Invalid
	check := func(ok bool, field, detail string, args ...any) {
		if !ok {
			broken = append(broken, catalog.Violation{Field: field, Detail: fmt.Sprintf(detail, args...)})
		}
	}
	check(validKey(key), "Idempotency-Key", "must be 1 to %d visible ASCII characters", MaxKey)
	check(len(draft.Lines) >= 1 && len(draft.Lines) <= MaxLines, "lines", "must be 1 to %d", MaxLines)
	seen := map[catalog.ID]bool{}
	for i, line := range draft.Lines[:min(len(draft.Lines), MaxLines)] {
		check(line.Quantity >= 1 && line.Quantity <= MaxQuantity, fmt.Sprintf("lines[%d].quantity", i), "must be from 1 to %d", MaxQuantity)
		check(!seen[line.ProductID], fmt.Sprintf("lines[%d].product_id", i), "must not be there twice")
		seen[line.ProductID] = true
	}
	if broken == nil {
		return nil
	}
	return broken
}

func validKey(key string) bool {
	return key != "" && len(key) <= MaxKey && strings.IndexFunc(key, func(r rune) bool { return r < '!' || r > '~' }) < 0
}

// fingerprint tells drafts apart, so that a key isn't taken for another order.
func (d Draft) fingerprint() []byte {
	hash := sha256.New()
	for _, line := range d.Lines {
		hash.Write(line.ProductID[:])
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(line.Quantity)))
	}
	return hash.Sum(nil)
}
