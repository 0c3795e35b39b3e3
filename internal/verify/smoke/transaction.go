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
	confirmTime = 15 * time.Second // for a job that waits its turn
)

// transaction makes a product, reads it twice, searches for it, orders one and
// deletes it, as a client does. The product is removed whatever happens.
type transaction struct{ Options }

// product is what the transaction made.
type product struct {
	id    string
	word  string // in its name, and in no other's
	order string // that is not confirmed yet
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
		{"search", t.search}, {"order", t.order}, {"confirmation", t.confirmed},
		{"delete", t.remove}, {"read when deleted", t.readDeleted},
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
	got, found := t.call(ctx, asked{method: http.MethodPost, path: "/products", body: body, status: http.StatusCreated})
	if found != nil {
		return found
	}
	if made.id = got.item().ID; made.id == "" {
		return got.instead("an id in the answer")
	}
	return nil
}

func (t transaction) read(ctx context.Context, made *product) *mismatch {
	return t.readFrom(ctx, made, "miss")
}

// readCached allows for a cache that is filled after the answer has gone out.
func (t transaction) readCached(ctx context.Context, made *product) *mismatch {
	return settled(ctx, settleTime, func(ctx context.Context) *mismatch { return t.readFrom(ctx, made, "hit") })
}

func (t transaction) readFrom(ctx context.Context, made *product, cache string) *mismatch {
	got, found := t.call(ctx, asked{method: http.MethodGet, path: "/products/" + made.id, status: http.StatusOK})
	if found != nil {
		return found
	}
	if name := got.item().Name; !strings.HasSuffix(name, made.word) {
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
	return settled(ctx, settleTime, func(ctx context.Context) *mismatch {
		got, found := t.call(ctx, asked{method: http.MethodGet, path: "/products/search?q=" + url.QueryEscape(made.word), status: http.StatusOK})
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

func (t transaction) order(ctx context.Context, made *product) *mismatch {
	got, found := t.call(ctx, asked{
		method: http.MethodPost, path: "/orders", key: made.word, status: http.StatusCreated,
		body: fmt.Sprintf(`{"lines":[{"product_id":%q,"quantity":1}]}`, made.id),
	})
	if found != nil {
		return found
	}
	if made.order = got.item().ID; made.order == "" {
		return got.instead("an id in the answer")
	}
	return nil
}

// confirmed waits for the workers, who reserve and confirm the order.
func (t transaction) confirmed(ctx context.Context, made *product) *mismatch {
	found := settled(ctx, confirmTime, func(ctx context.Context) *mismatch {
		got, found := t.call(ctx, asked{method: http.MethodGet, path: "/orders/" + made.order, status: http.StatusOK})
		if found != nil {
			found.final = got.status >= 400 && got.status < 500
			return found
		}
		switch order := got.item(); order.Status {
		case "confirmed":
			return nil
		case "rejected", "cancelled":
			found = got.instead("the order confirmed")
			found.got, found.final = strings.TrimSuffix(order.Status+": "+order.Reason, ": "), true
		default:
			found = got.instead("the order confirmed")
			found.got = fmt.Sprintf("status %q: no worker confirms it", order.Status)
		}
		return found
	})
	if found == nil {
		made.order = ""
	}
	return found
}

func (t transaction) remove(ctx context.Context, made *product) *mismatch {
	_, found := t.call(ctx, asked{method: http.MethodDelete, path: "/products/" + made.id, status: http.StatusNoContent})
	return found
}

func (t transaction) readDeleted(ctx context.Context, made *product) *mismatch {
	_, found := t.call(ctx, asked{method: http.MethodGet, path: "/products/" + made.id, status: http.StatusNotFound})
	return found
}

// cleanUp cancels the order and removes the product as well as it can, after ctx
// has ended, too.
func (t transaction) cleanUp(ctx context.Context, made product) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if made.order != "" {
		_, _ = t.call(ctx, asked{method: http.MethodPost, path: "/orders/" + made.order + "/cancel", status: http.StatusOK})
	}
	_ = t.remove(ctx, &made)
}

// settled asks again for at most limit, until nothing is amiss.
func settled(ctx context.Context, limit time.Duration, ask func(context.Context) *mismatch) *mismatch {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(settleTime / 40)
	defer ticker.Stop()
	var last *mismatch
	for {
		found := ask(ctx)
		if found == nil || found.final {
			return found
		}
		if last == nil || ctx.Err() == nil {
			last = found // an answer cut by the limit says less than the one before
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return last
		}
	}
}
