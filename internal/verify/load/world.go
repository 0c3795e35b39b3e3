package load

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/fault"
)

const (
	preparers   = 8                // requests at once while targets are made or removed
	prepareTime = 60 * time.Second // for all of them
)

// world is what a run makes before it measures, and removes after it.
type world struct {
	options Options
	bearer  *bearer
	sender  sender
	wire    *wire
	run     string // in the names of what is made, so that runs do not collide
	targets []string
	made    ids
}

func newWorld(options Options, bearer *bearer, wire *wire, sender sender) *world {
	return &world{options: options, bearer: bearer, sender: sender, wire: wire, run: strconv.FormatInt(time.Now().UnixNano(), 36)}
}

// prepare makes the targets. What it made when it fails is for remove.
func (w *world) prepare(ctx context.Context) error {
	count := w.options.Scenario.Targets.Count
	if count == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	operation := w.options.Scenario.Targets.Create
	operation.Makes = true
	feeds := newFeeds(w.options.Scenario.Variables)
	create := compile(operation, 0, feeds)
	made := make([]string, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(preparers)
	for i := range count {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return w.refused(err.Error())
			}
			got := w.sender.send(create.request(w.blanks(i, feeds)))
			if got.kind != "" {
				return w.refused(got.kind + ": " + got.detail)
			}
			if got.id == "" {
				return w.refused("the answer has no id")
			}
			made[i] = got.id
			return nil
		})
	}
	err := group.Wait()
	for _, id := range made {
		if id != "" {
			w.targets = append(w.targets, id)
		}
	}
	return err
}

func (w *world) blanks(i int, feeds []*feed) *blanks {
	values := &blanks{number: "t" + strconv.Itoa(i), run: w.run}
	for _, feed := range feeds {
		values.drawn = append(values.drawn, i%len(feed.forms[inHeader]))
	}
	return values
}

func (w *world) refused(detail string) error {
	create := w.options.Scenario.Targets.Create
	return fault.New(fault.LoadNotPrepared, "request", create.Method+" "+w.options.URL+create.Path, "detail", detail)
}

// remove deletes what the load made, as far as it can, and says how many are
// left. It goes on after the run's context has ended.
func (w *world) remove() (left int) {
	if w.options.Scenario.Targets.Delete.Method == "" {
		return 0
	}
	// A client of its own: that of the run may have been cut.
	client := newClient(w.options, w.bearer, w.wire, func(time.Duration) {})
	defer client.close()
	ctx, cancel := context.WithTimeout(context.Background(), prepareTime)
	defer cancel()
	operation := compile(w.options.Scenario.Targets.Delete, 0, nil)
	var kept atomic.Int64
	var group errgroup.Group
	group.SetLimit(preparers)
	for _, id := range append(w.targets, w.made.list...) {
		group.Go(func() error {
			if ctx.Err() == nil {
				got := client.send(operation.request(&blanks{target: id, run: w.run}))
				if got.kind == "" || got.status == http.StatusNotFound {
					return nil
				}
			}
			kept.Add(1)
			return nil
		})
	}
	_ = group.Wait() // its functions give no errors
	return int(kept.Load())
}
