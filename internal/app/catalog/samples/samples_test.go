package samples

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
)

// What people have seeded stays what the next release would seed.
func TestProductsNeverChange(t *testing.T) {
	want := map[int]string{
		200:     "89199831bb4cc395d6f9d3b47ef6fc82bbb79df0d2c4018b9b54cc91cc5c69b5",
		100_000: "0b03fa2a8955a002fdf5f76d7075db2d0af82fbe1a4b60e3ed79791ca227d538",
	}
	sum, seen := sha256.New(), Product(0)
	encoder := json.NewEncoder(sum)
	for i := range 100_000 {
		product := Product(i)
		if err := product.Validate(); err != nil {
			t.Fatalf("sample %d: %v", i, err)
		}
		if i > 0 && (product.ID.String() <= seen.ID.String() || product.SKU <= seen.SKU) {
			t.Fatalf("sample %d (%s, %s) doesn't come after %s, %s", i, product.ID, product.SKU, seen.ID, seen.SKU)
		}
		seen = product
		if err := encoder.Encode(product); err != nil {
			t.Fatal(err)
		}
		if want, set := want[i+1]; set {
			if got := hex.EncodeToString(sum.Sum(nil)); got != want {
				t.Errorf("the first %d samples have sum %s, want %s", i+1, got, want)
			}
		}
	}
}
