package smoke

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	cleanupTime = 10 * time.Second
	settleTime  = 2 * time.Second
)

// transaction makes a product, reads it twice, searches for it and deletes it,
// as a client does. The product is removed whatever happens.
type transaction struct{ Options }

// product is what the transaction made.
type product struct {
	id   string
	word string // in its name, and in no other's
}

func (t transaction) check(ctx context.Context, progress Progress) (err error) {
	ctx, cancel := context.WithTimeout(ctx, t.Deadline)
	defer cancel()
	made := product{word: "smoke" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	defer func() {
		if err != nil && made.id != "" {
			t.cleanUp(ctx, made)
		}
	}()
	var times []string
	for _, step := range []struct {
		name string
		run  func(context.Context, *product) *mismatch
	}{
		{"create", t.create}, {"read", t.read}, {"cached read", t.readCached},
		{"search", t.search}, {"delete", t.remove}, {"read when deleted", t.readDeleted},
	} {
		progress.Waiting("%s of a test product", step.name)
		begin := time.Now()
		if found := step.run(ctx, &made); found != nil {
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return found.fault(Transaction + ", " + step.name)
		}
		times = append(times, step.name+" "+time.Since(begin).Round(100*time.Microsecond).String())
	}
	progress.Detail("%s", strings.Join(times, ", "))
	return nil
}

func (t transaction) create(ctx context.Context, made *product) *mismatch {
	body := fmt.Sprintf(`{"sku":%q,"name":"Smoke test %s","description":"Made by a smoke test, and removed by it",`+
		`"price_minor":1250,"currency":"EUR","stock":3}`, made.word, made.word)
	got, found := t.call(ctx, http.MethodPost, "/products", body, http.StatusCreated)
	if found != nil {
		return found
	}
	if made.id = got.product().ID; made.id == "" {
		return got.instead("an id in the answer")
	}
	return nil
}

func (t transaction) read(ctx context.Context, made *product) *mismatch {
	return t.readFrom(ctx, made, "miss")
}

// readCached allows for a cache that is filled after the answer has gone out.
func (t transaction) readCached(ctx context.Context, made *product) *mismatch {
	return t.settled(ctx, func() *mismatch { return t.readFrom(ctx, made, "hit") })
}

func (t transaction) readFrom(ctx context.Context, made *product, cache string) *mismatch {
	got, found := t.call(ctx, http.MethodGet, "/products/"+made.id, "", http.StatusOK)
	if found != nil {
		return found
	}
	if name := got.product().Name; !strings.HasSuffix(name, made.word) {
		return got.instead("the product that was made")
	}
	if said := got.header.Get("X-Cache"); said != cache {
		found = got.instead("X-Cache: " + cache)
		found.got = fmt.Sprintf("X-Cache: %q", said)
		return found
	}
	return nil
}

// search allows for an index that follows a little later.
func (t transaction) search(ctx context.Context, made *product) *mismatch {
	return t.settled(ctx, func() *mismatch {
		got, found := t.call(ctx, http.MethodGet, "/products/search?q="+url.QueryEscape(made.word), "", http.StatusOK)
		if found != nil {
			return found
		}
		for _, item := range got.items() {
			if item.ID == made.id {
				return nil
			}
		}
		return got.instead("the product that was made")
	})
}

func (t transaction) remove(ctx context.Context, made *product) *mismatch {
	_, found := t.call(ctx, http.MethodDelete, "/products/"+made.id, "", http.StatusNoContent)
	return found
}

func (t transaction) readDeleted(ctx context.Context, made *product) *mismatch {
	_, found := t.call(ctx, http.MethodGet, "/products/"+made.id, "", http.StatusNotFound)
	return found
}

// cleanUp removes the product as well as it can, after ctx has ended, too.
func (t transaction) cleanUp(ctx context.Context, made product) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = t.remove(ctx, &made)
}

// settled asks again for a moment, until nothing is amiss.
func (t transaction) settled(ctx context.Context, ask func() *mismatch) *mismatch {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	ticker := time.NewTicker(settleTime / 40)
	defer ticker.Stop()
	for {
		found := ask()
		if found == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return found
		}
	}
}
