package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pocctl/pocctl/internal/verify/canary"
)

// Source reads what the service's pods have counted; canary.Source does.
type Source interface {
	ReadAll(ctx context.Context) (canary.Counters, error)
}

// Patience is how long Settle waits for what is scraped.
type Patience struct {
	Between time.Duration // of two looks
	Most    time.Duration // several scrapes long
}

// errStale is that no pod was scraped in time.
var errStale = errors.New("no pod of the service was scraped within")

// scraped reads counters. A service that was deployed just now has none yet.
func scraped(ctx context.Context, source Source) (canary.Counters, error) {
	counters, err := source.ReadAll(ctx)
	if errors.Is(err, canary.ErrNoSeries) {
		return canary.Counters{}, nil
	}
	return counters, err
}

// Settle gives counters of which every pod's were scraped after it was called, so that
// all that had been answered by then is counted. It knows by their time of scrape, which
// has to pass on: clocks of different machines need not agree. Pods that aren't scraped
// any more are left out.
func Settle(ctx context.Context, source Source, patience Patience) (canary.Counters, error) {
	first, err := scraped(ctx, source)
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(patience.Most)
	defer deadline.Stop()
	look := time.NewTicker(patience.Between)
	defer look.Stop()
	for {
		late := false
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a scrape: %w", context.Cause(ctx))
		case <-deadline.C:
			late = true
		case <-look.C:
		}
		now, err := scraped(ctx, source)
		if err != nil {
			return nil, err
		}
		fresh := canary.Counters{}
		for name, pod := range now {
			before, known := first[name]
			if !pod.Sampled.IsZero() && (!known || pod.Sampled.After(before.Sampled)) {
				fresh[name] = pod
			}
		}
		switch {
		case len(fresh) == len(now) && len(fresh) > 0:
			return fresh, nil
		case late && len(fresh) > 0:
			return fresh, nil
		case late:
			return nil, fmt.Errorf("%w %s", errStale, patience.Most)
		}
	}
}
