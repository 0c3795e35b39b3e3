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

// readiness needs the database at head. Without Redis, an issuer's keys or fresh
// flags it is degraded but ready.
type readiness struct {
	*parts
	issuer   string // empty for none
	works    bool
	draining func() bool
	off      func() bool // by the switch
}

func (r *readiness) check(ctx context.Context) api.Readiness {
	ctx, cancel := context.WithTimeout(ctx, readinessTimeout)
	defer cancel()
	var answer api.Readiness
	var both sync.WaitGroup
	both.Go(func() { answer.Database, answer.Migrations = r.checkDatabase(ctx) })
	both.Go(func() { answer.Cache = r.checkCache(ctx) })
	both.Wait()
	answer.Queue, answer.Issuer, answer.Flags = r.checkQueue(), r.checkIssuer(), r.checkFlags()
	switch {
	case r.draining():
		answer.Status, answer.Detail = api.NotReady, "the process is about to stop"
	case r.off():
		answer.Status, answer.Detail = api.NotReady, "an operator has switched it off"
	case answer.Database.Status != api.CheckOK || answer.Migrations.Status != api.CheckOK:
		answer.Status = api.NotReady
	case answer.Cache.Status == api.CheckFailed || answer.Issuer.Status == api.CheckFailed || answer.Flags.Status == api.CheckFailed:
		answer.Status = api.Degraded
	default:
		answer.Status = api.Ready
	}
	return answer
}

// ready is check in one word.
func (r *readiness) ready(ctx context.Context) bool { return r.check(ctx).Status != api.NotReady }

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
		return failed(fmt.Errorf("%w: products are read from the database, and limits are this process's own", err))
	}
}

// checkQueue says whether this process works on jobs. The database, which the
// queue is in, is judged apart.
func (r *readiness) checkQueue() api.Check {
	switch {
	case !r.works:
		return api.Check{Status: api.CheckDisabled, Detail: "other processes work on jobs"}
	case !r.queue.Working():
		return api.Check{Status: api.CheckFailed, Detail: "no jobs are taken now"}
	case r.queue.Full():
		return api.Check{Status: api.CheckOK, Detail: "so many jobs wait that orders are refused"}
	}
	return api.Check{Status: api.CheckOK}
}

func (r *readiness) checkIssuer() api.Check {
	if r.issuer == "" {
		return api.Check{Status: api.CheckDisabled, Detail: "no tokens are taken: there is no issuer"}
	}
	keys := r.verifier.Keys()
	switch {
	case keys.Err != nil && !keys.Usable:
		return failed(keys.Err)
	case keys.Err != nil:
		return api.Check{Status: api.CheckOK, Detail: "its keys are those from before: " + keys.Err.Error()}
	}
	return api.Check{Status: api.CheckOK}
}

func (r *readiness) checkFlags() api.Check {
	if problem := r.flags.Status().Problem(); problem != "" {
		return api.Check{Status: api.CheckFailed, Detail: problem}
	}
	return api.Check{Status: api.CheckOK}
}

func failed(err error) api.Check { return api.Check{Status: api.CheckFailed, Detail: err.Error()} }
