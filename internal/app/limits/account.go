package limits

import (
	"sync"
	"time"
)

// account is what this process knows of a client in a class. Times are since
// the limiter began.
type account struct {
	key   accountKey
	mutex sync.Mutex
	// budget is that of the client's role when it last came.
	budget *budget
	// full is when the burst would be whole again if this process were the only
	// one: what it goes by while Redis is away.
	full time.Duration

	left    int           // requests of the lease that aren't spent
	size    int           // of the lease
	expires time.Duration // of the lease
	empty   time.Duration // until then Redis has no more
	rest    int           // what Redis had left when it was last asked,
	asked   time.Duration // and when that was
	answer  chan struct{} // closed when the call under way is over; nil if none is
}

// adopt takes another rate, for the client's role has changed; what was leased is lost.
func (a *account) adopt(b *budget) {
	if a.budget == b {
		return
	}
	a.budget, a.left, a.size, a.expires, a.empty, a.rest = b, 0, 0, 0, 0, 0
}

// note charges a request that Redis has allowed to this process's own account.
func (a *account) note(now time.Duration) {
	a.full = min(max(a.full, now)+a.budget.interval, now+a.budget.depth)
}

// low says that the lease should be renewed, beside the request. Small leases
// aren't: that would take one for a request that may never come.
func (a *account) low(now time.Duration) bool {
	return a.left <= a.size/2 && a.size >= 4 && a.answer == nil && now >= a.empty
}

// begin says that Redis is about to be asked, and for how many: twice what the
// client used of the lease before in its life, up to the budget's lease.
func (a *account) begin(now time.Duration) int {
	a.answer = make(chan struct{})
	if now < a.expires {
		a.size = min(2*a.size, a.budget.lease)
	} else {
		a.size, a.left = a.size-a.left, 0
	}
	a.size = max(1, a.size)
	return max(1, a.size-a.left)
}

// end takes Redis's answer to having asked for n.
func (a *account) end(now time.Duration, n int, granted grant, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	close(a.answer)
	a.answer = nil
	if err != nil {
		return
	}
	if granted.budget != a.budget {
		return // the role changed meanwhile: the lease is lost
	}
	if now >= a.expires {
		a.left = 0
	}
	a.left += granted.requests
	a.expires = now + leaseLife
	a.rest, a.asked = granted.rest, now
	if granted.requests < n {
		// Redis is asked again when there is something to be had.
		pause := max(granted.retry, time.Duration(a.budget.lease/2)*a.budget.interval)
		a.empty = now + pause
	}
}

// remaining is what all processes may still let through, as far as this one knows.
func (a *account) remaining(now time.Duration) int {
	return a.left + a.rest + int((now-a.asked)/a.budget.interval)
}

// decideAlone is for while Redis is away.
func (a *account) decideAlone(now time.Duration) Decision {
	full, retry, ok := a.budget.charge(a.full, now)
	a.full = full
	return a.budget.decide(ok, a.budget.room(full, now), retry, Local)
}

// alone is decideAlone for who doesn't hold the lock.
func (a *account) alone(b *budget, now time.Duration) Decision {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.adopt(b)
	return a.decideAlone(now)
}

func (a *account) peek(b *budget, now time.Duration, alone bool) Decision {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.adopt(b)
	switch {
	case a.left > 0 && now < a.expires:
		return b.decide(true, a.remaining(now), 0, Lease)
	case now < a.empty:
		return b.decide(false, 0, a.empty-now, Lease)
	case alone:
		_, retry, ok := b.charge(a.full, now)
		return b.decide(ok, b.room(a.full, now), retry, Local)
	}
	return b.decide(true, a.remaining(now), 0, Lease)
}
