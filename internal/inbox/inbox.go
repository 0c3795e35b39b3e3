// Package inbox is a receiver of alerts that shows what came: where nobody has a
// pager, people look at its page, and `pocctl verify --alerts` reads its list.
package inbox

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Schema names the form of List in JSON.
const Schema = "pocctl.alerts/v1"

// List is what an inbox holds, the latest first.
type List struct {
	Schema string  `json:"schema"`
	Alerts []Alert `json:"alerts"`
}

// Alert is one time that an alert fired, and what was heard of it.
type Alert struct {
	// Name is the alert's, Severity and Drill are labels of that name; Drill says by
	// how much time was scaled down, and is empty for what is no exercise.
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Drill    string `json:"drill,omitempty"`
	// Receiver is the route's, by which it came here.
	Receiver    string            `json:"receiver"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// Fingerprint tells alerts of the same name apart.
	Fingerprint string `json:"fingerprint"`
	// Started is when Prometheus saw it begin, Received when it came here first.
	Started  time.Time `json:"started"`
	Received time.Time `json:"received"`
	// Resolved is when it came here that it is over; absent while it fires.
	Resolved *time.Time `json:"resolved,omitempty"`
}

// Box holds the latest alerts. It is safe for concurrent use.
type Box struct {
	most int

	mu     sync.RWMutex
	alerts []Alert // by Received, the first first
}

// NewBox makes a box that forgets the oldest of more than most alerts.
func NewBox(most int) *Box { return &Box{most: most} }

// take notes what a notification says at the time now, and gives the alerts that
// are news: those that began or ended.
func (b *Box) take(n notification, now time.Time) []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	var news []Alert
	for _, one := range n.Alerts {
		at := slices.IndexFunc(b.alerts, func(a Alert) bool {
			return a.Fingerprint == one.Fingerprint && a.Receiver == n.Receiver && a.Started.Equal(one.StartsAt)
		})
		if at < 0 {
			b.alerts = append(b.alerts, one.alert(n.Receiver, now))
			at = len(b.alerts) - 1
			news = append(news, b.alerts[at])
		}
		if alert := &b.alerts[at]; one.Status == resolved && alert.Resolved == nil {
			alert.Resolved = &now
			news = append(news, *alert)
		}
	}
	if over := len(b.alerts) - b.most; over > 0 {
		b.alerts = slices.Delete(b.alerts, 0, over)
	}
	return news
}

// List gives what is held: what fires first, then the latest first.
func (b *Box) List() List {
	b.mu.RLock()
	defer b.mu.RUnlock()
	alerts := slices.Clone(b.alerts)
	slices.SortStableFunc(alerts, func(x, y Alert) int {
		return cmp.Or(order(x.Resolved == nil, y.Resolved == nil), y.Received.Compare(x.Received))
	})
	if alerts == nil {
		alerts = []Alert{}
	}
	return List{Schema: Schema, Alerts: alerts}
}

// order puts what is so before what isn't.
func order(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	default:
		return 1
	}
}
