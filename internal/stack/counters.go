package stack

import (
	"cmp"
	"context"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
)

// scrapePatience is several scrapes long, wherever that is.
func scrapePatience() reconcile.Patience {
	return reconcile.Patience{Between: 250 * time.Millisecond, Most: 20 * time.Second}
}

// counters are the service's own, from before a load.
type counters struct {
	source reconcile.Source
	before canary.Counters
	err    error // why there are none
}

// counters reads what the service has counted so far, when all of it is scraped. It gives
// nil where the environment has no Prometheus: then nothing is compared.
func (s *Stack) counters(ctx context.Context, log *flow.Log) *counters {
	environment := s.options.Environment
	address, err := s.reach(Prometheus)
	if err != nil {
		return &counters{err: err}
	}
	release := cmp.Or(environment.Canary.Release, environment.Smoke.Release)
	if address == "" || release == "" {
		return nil
	}
	source, err := canary.NewSource(canary.Options{URL: address, Job: release, Namespace: environment.Namespace})
	if err != nil {
		return &counters{err: err}
	}
	return settled(ctx, source, scrapePatience(), log)
}

func settled(ctx context.Context, source reconcile.Source, patience reconcile.Patience, log *flow.Log) *counters {
	log.Waiting("a scrape, to compare with")
	made := &counters{source: source}
	made.before, made.err = reconcile.Settle(ctx, source, patience)
	return made
}

// compare holds a load against what was counted in the meantime. Metrics that are not to be
// had void nothing: what the load measured stands by itself.
func (c *counters) compare(ctx context.Context, wire load.Wire, objectives config.Objectives, log *flow.Log) *reconcile.Result {
	if c == nil {
		return nil
	}
	err := c.err
	var after canary.Counters
	if err == nil {
		log.Waiting("a scrape of all that was sent")
		after, err = reconcile.Settle(ctx, c.source, scrapePatience())
	}
	compared := reconcile.Unknown("the service's own counters are not to be had: %v", err)
	if err == nil {
		compared = reconcile.Compare(wire, c.before, after, objectives)
	}
	return &compared
}
