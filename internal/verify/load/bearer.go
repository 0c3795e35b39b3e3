package load

import (
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	renewEvery = time.Second     // how often a token's end is looked at
	renewEarly = 2 * time.Minute // before its end, its source is asked
)

// bearer holds the Authorization header of every request, so that none waits for
// a token: a goroutine renews it.
type bearer struct {
	source oauth2.TokenSource
	value  atomic.Pointer[string]
	ends   time.Time // the goroutine's own; zero for a token that does not end
}

// newBearer gets the first token; no source gives a nil bearer. stop ends the
// renewal, but does not wait for a token that is being fetched.
func newBearer(source oauth2.TokenSource) (b *bearer, stop func(), err error) {
	if source == nil {
		return nil, func() {}, nil
	}
	b = &bearer{source: source}
	if err := b.renew(); err != nil {
		return nil, nil, err
	}
	done := make(chan struct{})
	go b.keep(done)
	return b, func() { close(done) }, nil
}

func (b *bearer) keep(done <-chan struct{}) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if !b.ends.IsZero() && time.Until(b.ends) < renewEarly {
				_ = b.renew() // again in a moment; a token that ends is seen in the answers
			}
		}
	}
}

func (b *bearer) renew() error {
	token, err := b.source.Token()
	if err != nil {
		return err
	}
	value := token.Type() + " " + token.AccessToken
	b.value.Store(&value)
	b.ends = token.Expiry
	return nil
}

// header is empty for a nil bearer.
func (b *bearer) header() string {
	if b == nil {
		return ""
	}
	return *b.value.Load()
}
