package limits

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Rate is how much a client may send: Requests in each Per on average, and
// Burst at once after a rest.
type Rate struct {
	Requests int
	Per      time.Duration
	Burst    int
}

// DefaultRates are those of a client of a service in production.
func DefaultRates() map[Class]Rate {
	return map[Class]Rate{
		Read:        {Requests: 100, Per: time.Second, Burst: 200},
		Write:       {Requests: 20, Per: time.Second, Burst: 50},
		AuthFailure: {Requests: 10, Per: time.Minute, Burst: 20},
	}
}

// maxPerSecond keeps the time between two requests measurable.
const maxPerSecond = 1_000_000

// Validate refuses a rate that can't be kept.
func (r Rate) Validate() error {
	switch {
	case r.Requests < 1:
		return fmt.Errorf("requests must be at least 1, not %d", r.Requests)
	case r.Per <= 0:
		return fmt.Errorf("the time must be more than none, not %s", r.Per)
	case r.Burst < 1:
		return fmt.Errorf("the burst must be at least 1, not %d", r.Burst)
	case float64(r.Requests)/r.Per.Seconds() > maxPerSecond:
		return fmt.Errorf("%d requests in %s are more than %d a second", r.Requests, r.Per, maxPerSecond)
	case float64(r.Burst)*float64(r.Per)/float64(r.Requests) > float64(maxDepth):
		return fmt.Errorf("a burst of %d takes longer than %s to come back", r.Burst, maxDepth)
	}
	return nil
}

const (
	// leaseSpan is how much of a client's rate one lease holds.
	leaseSpan = 100 * time.Millisecond
	// leaseShare keeps replicas from holding a whole burst in leases.
	leaseShare = 4
	// maxDepth bounds how long a burst takes to come back.
	maxDepth = 24 * time.Hour
)

// budget is a rate, worked out. It is the generic cell rate algorithm: all that
// is kept of a client is the time at which it will have its whole burst again.
type budget struct {
	name     string
	rate     Rate
	interval time.Duration // between two requests at the rate
	depth    time.Duration // for the burst to come back
	lease    int           // most requests in one lease

	limitHeader  []string
	policyHeader []string
	itemBefore   string // the RateLimit field is this, what remains,
	itemAfter    string // and this
}

func newBudget(name string, rate Rate) (*budget, error) {
	if err := rate.Validate(); err != nil {
		return nil, fmt.Errorf("the rate of %s: %w", name, err)
	}
	b := &budget{name: name, rate: rate, interval: max(1, rate.Per/time.Duration(rate.Requests))}
	b.depth = b.interval * time.Duration(rate.Burst)
	b.lease = max(1, min(int(leaseSpan/b.interval), rate.Burst/leaseShare))
	b.limitHeader = []string{strconv.Itoa(rate.Burst)}
	b.policyHeader = []string{fmt.Sprintf(`%q;q=%d;w=%d`, name, rate.Burst, seconds(b.depth))}
	b.itemBefore = `"` + name + `";r=`
	b.itemAfter = ";t=" + strconv.Itoa(seconds(b.interval))
	return b, nil
}

// seconds rounds up, and to at least one: what the headers are in.
func seconds(d time.Duration) int {
	return max(1, int(math.Ceil(d.Seconds())))
}

// charge takes one request at the time now off a client whose burst is whole
// again at full. If there is no room it says how long until there is.
func (b *budget) charge(full, now time.Duration) (charged, retry time.Duration, ok bool) {
	charged = max(full, now) + b.interval
	if over := charged - b.depth - now; over > 0 {
		return full, over, false
	}
	return charged, 0, true
}

// room is how many requests there are left now.
func (b *budget) room(full, now time.Duration) int {
	return int((b.depth - max(0, full-now)) / b.interval)
}

// errNoClass says that a class has no rate.
var errNoClass = errors.New("it has no rate")
