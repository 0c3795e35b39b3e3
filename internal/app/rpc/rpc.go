// Package rpc is the service's gRPC surface: the operations of the REST API over
// the same rules, with health and reflection. Package api is its sibling.
package rpc

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
)

//go:generate buf generate ../../../proto --template ../../../proto/buf.gen.yaml -o ../../../proto

// Catalog is what can be done with products.
type Catalog interface {
	Create(ctx context.Context, draft catalog.Draft) (catalog.Product, error)
	Get(ctx context.Context, id catalog.ID) (catalog.Product, error)
	List(ctx context.Context, query catalog.Query) (catalog.Page, error)
	Search(ctx context.Context, search catalog.Search) (catalog.Matches, error)
	Replace(ctx context.Context, id catalog.ID, draft catalog.Draft, expected int64) (catalog.Product, error)
	Delete(ctx context.Context, id catalog.ID, expected int64) error
}

// Observer is told of every call. Its methods may be called at once.
type Observer interface {
	// CallBegins is told of a call as soon as its headers are there.
	CallBegins(method string)
	// CallEnds is told once of every call that has begun, after its answer is
	// written. ctx is the one that the handler had: with the span, which hasn't
	// ended yet, the principal, and what Prepare added.
	CallEnds(ctx context.Context, outcome Outcome)
	// Panic is told of a handler's panic.
	Panic()
}

// Outcome is what became of a call.
type Outcome struct {
	// Method is the full method, "/pocctl.v1.CatalogService/GetProduct", or
	// UnknownMethod: made-up names would be labels without end.
	Method string
	// Operation is its ID in the policy; empty for health, reflection and
	// unknown methods.
	Operation string
	// Probe says that it is a call of the health service.
	Probe     bool
	RequestID string
	// Address is the client's: Options.Address's, or the connection's.
	Address string
	// Code is the answer's gRPC code by its name in the specification, for
	// example "NOT_FOUND"; Reason is the stable code of a refusal, or empty.
	Code   string
	Reason string
	// ServerFault says that the code is one that counts against the service.
	ServerFault bool
	Took        time.Duration
	Err         error // why it was refused: for the log, never for the client
}

// UnknownMethod is the Outcome's method if this server has no such one.
const UnknownMethod = "_OTHER"

// Options of the server. Those that say so may be left out.
type Options struct {
	Catalog  Catalog
	Observer Observer
	Logger   *zap.Logger

	// Verify tells whose token it is. Errors are those of auth.Verifier.
	Verify func(ctx context.Context, token string) (auth.Principal, error)
	// Ready is asked every ReadyInterval; the health service answers as it did.
	Ready func(ctx context.Context) bool
	// ReadyInterval is a second if it is left out.
	ReadyInterval time.Duration
	// RequestTimeout bounds the work on one call, and the wait for its message.
	RequestTimeout time.Duration
	// Reflection lets clients ask which methods there are.
	Reflection bool

	// Address gives the client's address; left out, it is the connection's.
	Address func(ctx context.Context) string
	// Throttle is asked before anything else, for what an address may do, the
	// client not being known yet. retryAfter says when to come back. May be left out.
	Throttle func(ctx context.Context) (retryAfter time.Duration, ok bool)
	// Prepare gives the context of the rest of the call, once the client is
	// known, for example with feature flags in it. May be left out.
	Prepare func(ctx context.Context) context.Context
	// Allow is asked whether the client, or the address of an anonymous one, may
	// call operation now. May be left out.
	Allow func(ctx context.Context, operation string) (retryAfter time.Duration, ok bool)
	// Acquire takes a place among the calls that are worked on at once. release
	// is called once, with whether the service did well. An error sheds the
	// call. May be left out.
	Acquire func(ctx context.Context) (release func(ok bool), err error)
	// Faults makes a call wait, or fail by giving an error; one with a gRPC
	// status keeps its code. method is the full one. May be left out.
	Faults func(ctx context.Context, method string) error

	// TracerProvider and Propagator make a span of every call but those of the
	// health service; left out, there are none.
	TracerProvider trace.TracerProvider
	Propagator     propagation.TextMapPropagator
}
