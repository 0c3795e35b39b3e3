package supervisor

import (
	"slices"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

func TestSlotsAreTriedOnceEach(t *testing.T) {
	second := map[int]bool{}
	for _, directory := range []string{"/a", "/b", "/c", "/home/ada/.local/state/pocctl/local"} {
		order := slots(directory)
		if order[0] != 0 || !slices.Equal(order, slots(directory)) {
			t.Errorf("%s: %v; the first slot first, and always the same order", directory, order)
		}
		second[order[1]] = true
		slices.Sort(order)
		if len(slices.Compact(order)) != cluster.Slots {
			t.Errorf("%s: %v", directory, order)
		}
	}
	if len(second) < 2 {
		t.Errorf("all directories go on with slot %v", second)
	}
}
