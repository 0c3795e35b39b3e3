package rpc

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/flags"
)

// requestIDKey is where a caller may name its request, and is told its name.
const requestIDKey = "x-request-id"

// call is what is known of the call under way. One goroutine at a time has it.
type call struct {
	method
	name    string // the full method, as the client gave it
	known   bool   // whether there is such a method
	stream  bool   // it isn't unary
	id      string
	began   time.Time
	address netip.Addr // the client's

	principal auth.Principal
	flags     flags.Snapshot
	ctx       context.Context // as the handler has it
	reason    reason          // of a refusal
	cause     error
}

type callKey struct{}

// callOf gives the call under way. Without one, it is a mistake of ours.
func callOf(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call) // every call goes through the watcher
}

// label is the method as logs and metrics have it.
func (c *call) label() string {
	if c.known {
		return c.name
	}
	return UnknownMethod
}

// watcher sees every call, also those whose message can't be read and that no
// interceptor hears of.
type watcher struct{ *Server }

// TagRPC makes the call known to all that follow.
func (w watcher) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := &call{name: info.FullMethodName, began: time.Now()}
	c.method, c.known = w.methods[c.name]
	if given := metadata.ValueFromIncomingContext(ctx, requestIDKey); len(given) == 1 {
		c.id = given[0]
	}
	if !acceptable(c.id) {
		c.id = newRequestID()
	}
	if remote, err := netip.ParseAddrPort(remoteOf(ctx)); err == nil {
		c.address = remote.Addr().Unmap() // unless a gate knows better
	}
	ctx = context.WithValue(ctx, callKey{}, c)
	c.ctx = ctx
	return ctx
}

// HandleRPC tells the observer how calls begin and end.
func (w watcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		w.Observer.CallBegins(callOf(ctx).label())
	case *stats.End:
		c := callOf(ctx)
		code := status.Code(event.Error)
		if c.cause == nil {
			c.cause = event.Error
		}
		w.Observer.CallEnds(c.ctx, Outcome{ //nolint:contextcheck // that of handlers ends with them
			Method: c.label(), Operation: c.operation, Probe: c.probe, RequestID: c.id,
			Address: c.addressText(), User: c.principal.Subject, Flags: c.flags,
			Code: nameOf(code), Reason: string(c.reason), ServerFault: isServerFault(code),
			Took: time.Since(c.began), Err: c.cause,
		})
	}
}

// TagConn has nothing to say of connections.
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn has nothing to do with connections.
func (watcher) HandleConn(context.Context, stats.ConnStats) {}

// addressText is empty if the address isn't known, as on a Unix socket.
func (c *call) addressText() string {
	if !c.address.IsValid() {
		return ""
	}
	return c.address.String()
}

// acceptable tells whether a caller's ID is safe to log and repeat.
func acceptable(id string) bool {
	for _, r := range []byte(id) {
		safe := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
		if !safe {
			return false
		}
	}
	return id != "" && len(id) <= 128
}

func newRequestID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil.String()
	}
	return id.String()
}

// nameOf gives a code's name in gRPC's specification, which OpenTelemetry's
// semantic conventions want: Go's are CamelCase.
func nameOf(code codes.Code) string {
	names := [...]string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
		"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(code) < len(names) {
		return names[code]
	}
	return names[codes.Unknown]
}

// isServerFault tells codes that count against a server. OpenTelemetry has
// UNIMPLEMENTED among them, but like HTTP's 404 it is a client's mistake here.
func isServerFault(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}
