// Package limits decides who gets in, and how many at once: which address a
// request comes from, how many requests its client may send, and when the
// service has enough to do. It knows neither HTTP routes nor gRPC methods, so
// that both use it alike.
package limits

import (
	"fmt"
	"time"
)

// Class is a kind of request with a budget of its own.
type Class uint8

// The classes.
const (
	// Read is for requests that change nothing.
	Read Class = iota
	// Write is for requests that do.
	Write
	// AuthFailure is charged for each token that is refused, to the address
	// that it came from, whoever the token says it is.
	AuthFailure
	classes
)

func (c Class) String() string {
	switch c {
	case Read:
		return "read"
	case Write:
		return "write"
	case AuthFailure:
		return "auth-failure"
	}
	return fmt.Sprintf("class-%d", uint8(c))
}

// Source says who knew the answer.
type Source string

// The sources.
const (
	Redis Source = "redis" // Redis was asked for it
	Lease Source = "lease" // from what Redis said a moment ago
	Local Source = "local" // by this process alone: Redis isn't there, or isn't for this
)

// Observer is told how the limits do. Its methods are called on the way of each
// request and have to be quick.
type Observer interface {
	// Limited tells of each decision. budget is a Class by its name, or "address".
	Limited(budget string, source Source, allowed bool)
	// LeaseTaken tells how long Redis took to give or refuse a lease, or to fail.
	LeaseTaken(took time.Duration, err error)
	// LimiterUp is told when limits begin to be this process's own, because
	// Redis fails, and when they are shared again.
	LimiterUp(up bool)
	// Shed tells of a request that was refused for want of room.
	Shed(lane Lane, reason Reason)
	// Concurrency tells a lane's new limit: so many requests at once.
	Concurrency(lane Lane, limit int)
}
