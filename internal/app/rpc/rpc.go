// Package rpc is the service's gRPC surface: the operations of the REST API over
// the same rules, with health and reflection. Package api is its sibling.
package rpc

import (
	"context"
	"encoding/json"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
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

// Orders is what can be done with orders.
type Orders interface {
	Place(ctx context.Context, actor orders.Actor, key string, draft orders.Draft) (order orders.Order, replayed bool, err error)
	Get(ctx context.Context, actor orders.Actor, id orders.ID) (orders.Order, error)
	List(ctx context.Context, actor orders.Actor, query orders.Query) (orders.Page, error)
	Cancel(ctx context.Context, actor orders.Actor, id orders.ID) (orders.Order, error)
}

// DeadLetters are jobs that were given up.
type DeadLetters interface {
	ListDeadLetters(ctx context.Context, limit int) ([]queue.DeadLetter, error)
	Requeue(ctx context.Context, id string) error
}

// Flags are the feature flags.
type Flags interface {
	Evaluate(ctx context.Context, subject flags.Subject) flags.Snapshot
	List(ctx context.Context) []flags.State
	SetOverride(ctx context.Context, key string, value json.RawMessage, reason, by string, ttl time.Duration) (flags.State, error)
	ClearOverride(ctx context.Context, key string) error
}

// Objectives are what the service is held to.
type Objectives interface {
	List(ctx context.Context) ([]objectives.State, error)
}

// Verifier checks tokens.
type Verifier interface {
	Verify(ctx context.Context, token string) (auth.Principal, error)
}

// Admission decides who gets in. Its parts may be nil, and then let everybody in.
type Admission struct {
	Proxies  limits.Proxies
	Throttle *limits.Throttle
	Limiter  *limits.Limiter
	Shedder  *limits.Shedder
	Faults   *faults.Injector
}

// Observer is told of every call. Its methods may be called at once.
type Observer interface {
	// CallBegins is told of a call as soon as its headers are there.
	CallBegins(method string)
	// CallEnds is told once of every call that has begun, after its answer is
	// written. ctx is the one that the handler had, with the span, which hasn't
	// ended yet.
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
	Address   string // the client's
	User      string // the token's subject
	Flags     flags.Snapshot
	// Code is the answer's gRPC code by its name in the specification, for
	// example "NOT_FOUND"; Reason is the stable code of a refusal, or empty.
	Code   string
	Reason string
	// ServerFault says that the code counts against the service.
	ServerFault bool
	Took        time.Duration
	Err         error // why it was refused: for the log, never for the client
}

// UnknownMethod is the Outcome's method if this server has no such one.
const UnknownMethod = "_OTHER"

// Options of the server. All are needed but those that say so.
type Options struct {
	Catalog     Catalog
	Orders      Orders
	DeadLetters DeadLetters
	Flags       Flags
	Objectives  Objectives
	Auditor     auth.Auditor
	Verifier    Verifier
	Admission   Admission
	Observer    Observer
	Logger      *zap.Logger

	// Ready is asked every ReadyInterval; the health service answers as it did.
	Ready func(ctx context.Context) bool
	// ReadyInterval is a second if it is left out.
	ReadyInterval time.Duration
	// RequestTimeout bounds the work on one call, and the wait for its message.
	RequestTimeout time.Duration
	// Reflection lets clients ask which methods there are.
	Reflection bool

	// TracerProvider and Propagator make a span of every call but those of the
	// health service; left out, there are none.
	TracerProvider trace.TracerProvider
	Propagator     propagation.TextMapPropagator
}
