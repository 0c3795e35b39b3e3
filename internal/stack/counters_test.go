package stack

import (
	"errors"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
)

// What the load measured stands by itself where there are no metrics.
func TestWithoutCountersNothingIsVoid(t *testing.T) {
	var none *counters
	if got := none.compare(t.Context(), load.Wire{}, nil, nil); got != nil {
		t.Errorf("without Prometheus: %+v", got)
	}
	away := &counters{err: errors.New("no answer")}
	got := away.compare(t.Context(), load.Wire{Sent: 1}, nil, nil)
	if got == nil || got.Verdict != reconcile.NotCompared || len(got.Void) > 0 || !strings.Contains(got.Reason, "no answer") {
		t.Errorf("with one that is away: %+v", got)
	}
}
