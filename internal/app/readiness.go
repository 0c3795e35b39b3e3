package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/cache"
)

// readinessTimeout is less than a probe's usual patience, one second.
const readinessTimeout = 800 * time.Millisecond

type schema interface {
	SchemaVersion(ctx context.Context) (current, head int64, err error)
}

type pinger interface {
	Ping(ctx context.Context) error
}

// readiness needs the database at head; without Redis it is degraded but ready.
type readiness struct {
	store    schema
	cache    pinger
	draining func() bool
}

func (r *readiness) check(ctx context.Context) api.Readiness {
	ctx, cancel := context.WithTimeout(ctx, readinessTimeout)
	defer cancel()
	var answer api.Readiness
	var both sync.WaitGroup
	both.Go(func() { answer.Database, answer.Migrations = r.checkDatabase(ctx) })
	both.Go(func() { answer.Cache = r.checkCache(ctx) })
	both.Wait()
	switch {
	case r.draining():
		answer.Status, answer.Detail = api.NotReady, "the process is about to stop"
	case answer.Database.Status != api.CheckOK || answer.Migrations.Status != api.CheckOK:
		answer.Status = api.NotReady
	case answer.Cache.Status == api.CheckFailed:
		answer.Status = api.Degraded
	default:
		answer.Status = api.Ready
	}
	return answer
}

func (r *readiness) checkDatabase(ctx context.Context) (api.Check, api.Migrations) {
	current, head, err := r.store.SchemaVersion(ctx)
	migrations := api.Migrations{Check: api.Check{Status: api.CheckOK}, Current: current, Head: head}
	if err != nil {
		migrations.Status = api.CheckFailed
		return failed(err), migrations
	}
	// A newer schema is fine: it only adds, so a rollback needs no way down.
	if current < head {
		migrations.Check = failed(fmt.Errorf("the schema is at version %d, %d is needed: run migrate", current, head))
	}
	return api.Check{Status: api.CheckOK}, migrations
}

func (r *readiness) checkCache(ctx context.Context) api.Check {
	switch err := r.cache.Ping(ctx); {
	case err == nil:
		return api.Check{Status: api.CheckOK}
	case errors.Is(err, cache.ErrDisabled):
		return api.Check{Status: api.CheckDisabled}
	default:
		return failed(err)
	}
}

func failed(err error) api.Check { return api.Check{Status: api.CheckFailed, Detail: err.Error()} }
