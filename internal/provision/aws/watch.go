package aws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/duration"
	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// long is how long a resource usually takes that gets a line of its own.
const long = time.Minute

// watch turns Terraform's events into progress: what is being made, for how long, and
// how long such a thing usually takes.
type watch struct {
	durations forecast.Table
	progress  Progress

	now   func() time.Time
	mu    sync.Mutex
	said  time.Time                // when it last spoke
	usual map[string]time.Duration // by address
	total int
	done  int
	busy  []work
}

type work struct {
	address string
	action  string
	elapsed time.Duration
	usual   time.Duration
}

func newWatch(durations forecast.Table, progress Progress) *watch {
	return &watch{durations: durations, progress: progress, now: time.Now, usual: map[string]time.Duration{}}
}

// expect says what is going to be done.
func (w *watch) expect(planned plan.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := planned.Changes()
	w.total, w.done, w.busy = len(changes), 0, nil
	for _, resource := range changes {
		w.usual[resource.Address] = w.durations.Of(resource)
	}
}

func (w *watch) event(event terraform.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.IndexFunc(w.busy, func(one work) bool { return one.address == event.Address })
	switch event.Kind {
	case terraform.Began:
		if at < 0 {
			w.busy = append(w.busy, work{address: event.Address, action: event.Action, usual: w.usual[event.Address]})
		}
	case terraform.GoesOn:
		if at >= 0 {
			w.busy[at].elapsed = event.Elapsed
		}
	case terraform.Ended, terraform.Failed:
		w.end(event, at)
	default:
		return
	}
	w.say()
}

func (w *watch) end(event terraform.Event, at int) {
	usual := w.usual[event.Address]
	if at >= 0 {
		w.busy = slices.Delete(w.busy, at, at+1)
	}
	if event.Kind == terraform.Failed {
		w.progress.Info("%s was not %s", plan.Short(event.Address), past(event.Action))
		return
	}
	w.done++
	if usual >= long {
		w.progress.Info("%s %s in %s, usually %s", plan.Short(event.Address), past(event.Action), duration.Text(event.Elapsed), duration.Round(usual))
	}
}

// say names those at work that have longest to go, by what is usual.
func (w *watch) say() {
	const most = 3
	const every = time.Second // what is made at once would fill the journal
	if len(w.busy) == 0 || w.now().Sub(w.said) < every {
		return
	}
	w.said = w.now()
	busy := slices.Clone(w.busy)
	slices.SortStableFunc(busy, func(a, b work) int { return cmp.Compare(b.usual-b.elapsed, a.usual-a.elapsed) })
	var parts []string
	for _, one := range busy[:min(most, len(busy))] {
		part := plan.Short(one.address)
		if one.usual >= long {
			part += fmt.Sprintf(" (%s of usually %s)", duration.Round(one.elapsed.Truncate(time.Second)), duration.Round(one.usual))
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, ", ")
	if more := len(busy) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	w.progress.Waiting("%d of %d done; %s", w.done, max(w.total, w.done+len(busy)), text)
}

func past(action string) string {
	switch action {
	case "create":
		return "made"
	case "update":
		return "changed"
	case "delete":
		return "taken away"
	default:
		return action
	}
}
