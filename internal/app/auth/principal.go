package auth

import (
	"context"
	"time"
)

// Principal is who calls. The zero Principal is anonymous.
type Principal struct {
	// Subject is the issuer's name for the caller: at most 255 bytes, printable.
	Subject string
	// Name is for people to read, and may be empty. Nothing is decided by it.
	Name string
	// Client is the program that the token was given to, if the token says so.
	Client string
	Role   Role
	// Expires is when the token ends.
	Expires time.Time
}

// IsAnonymous tells whether the caller showed no token.
func (p Principal) IsAnonymous() bool { return p.Subject == "" }

type contextKey struct{}

// NewContext gives a context that carries p.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext gives the context's principal: the anonymous one if it has none.
func FromContext(ctx context.Context) Principal {
	p, _ := ctx.Value(contextKey{}).(Principal)
	return p
}
