package rpc

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
)

// gate is one thing that a call passes on its way in: it refuses, or goes on to
// next, with another context perhaps.
type gate func(ctx context.Context, c *call, next func(context.Context) error) error

// admit has handle do its work if every gate lets the call pass.
func (s *Server) admit(ctx context.Context, handle func(context.Context) error) error {
	c := callOf(ctx)
	if c.probe {
		return handle(ctx)
	}
	gates := [...]gate{s.throttle, s.identify, s.allow, s.authorize, s.shed, s.limit, s.inject}
	var pass func(ctx context.Context, i int) error
	pass = func(ctx context.Context, i int) error {
		if i == len(gates) {
			return handle(ctx)
		}
		return gates[i](ctx, c, func(ctx context.Context) error { return pass(ctx, i+1) })
	}
	return pass(ctx, 0)
}

// throttle finds out the client's address, and holds it to its rate.
func (s *Server) throttle(ctx context.Context, c *call, next func(context.Context) error) error {
	admission := &s.Admission
	header := strings.ToLower(admission.Proxies.Header())
	address, err := admission.Proxies.ClientAddress(remoteOf(ctx), metadata.ValueFromIncomingContext(ctx, header))
	switch {
	case errors.Is(err, limits.ErrForwarded):
		return badParameter(header, "must be a list of addresses").because(err)
	case err != nil:
		return err
	}
	c.address = address
	if admission.Throttle != nil {
		if decision := admission.Throttle.Allow(address); !decision.Allowed {
			return tooMany(decision, "too many calls from this address")
		}
	}
	return next(ctx)
}

// identify finds out who calls. A token that is no good is refused whatever is
// asked, or its bearer would wonder why nothing is theirs.
func (s *Server) identify(ctx context.Context, c *call, next func(context.Context) error) error {
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		who, err := s.verify(ctx, values, limits.Client{Address: c.address})
		if err != nil {
			return err
		}
		c.principal = who
		ctx = auth.NewContext(ctx, who)
	}
	c.flags = s.Flags.Evaluate(ctx, flags.Subject{
		Role: string(c.principal.Role), Subject: c.principal.Subject, Address: c.addressText(),
	})
	ctx = flags.NewContext(ctx, c.flags)
	c.ctx = ctx
	return next(ctx)
}

// verify checks the token. Addresses that fail too often have to wait.
func (s *Server) verify(ctx context.Context, values []string, client limits.Client) (auth.Principal, error) {
	limiter := s.Admission.Limiter
	if limiter != nil {
		if decision := limiter.Peek(client, limits.AuthFailure); !decision.Allowed {
			return auth.Principal{}, tooMany(decision, "too many refused tokens from this address")
		}
	}
	token, _, err := auth.FromHeader(values)
	var who auth.Principal
	if err == nil {
		who, err = s.Verifier.Verify(ctx, token)
	}
	var refused *auth.Refused
	if limiter != nil && errors.As(err, &refused) {
		limiter.Allow(ctx, client, limits.AuthFailure)
	}
	return who, err
}

// allow holds the client to its rate, and tells it what is left.
func (s *Server) allow(ctx context.Context, c *call, next func(context.Context) error) error {
	if s.Admission.Limiter == nil || !c.flags.RateLimiting {
		return next(ctx)
	}
	class := limits.Write
	if c.reads || c.open {
		class = limits.Read
	}
	client := limits.Client{Subject: c.principal.Subject, Role: string(c.principal.Role), Address: c.address}
	decision := s.Admission.Limiter.Allow(ctx, client, class)
	_ = grpc.SetHeader(ctx, metadata.Pairs(decision.Metadata()...)) // too late if the message couldn't be read
	if !decision.Allowed {
		return tooMany(decision, "too many calls")
	}
	return next(ctx)
}

// authorize refuses who may not call the method.
func (s *Server) authorize(ctx context.Context, c *call, next func(context.Context) error) error {
	switch {
	case !c.known:
		return errNoMethod()
	case !c.open:
		if err := auth.Authorize(c.principal, c.operation); err != nil {
			s.tellRefused(ctx, c, err)
			return err
		}
	}
	return next(ctx)
}

// tellRefused writes down who asked for an admin's operation without being one.
func (s *Server) tellRefused(ctx context.Context, c *call, err error) {
	var forbidden *auth.Forbidden
	if !errors.As(err, &forbidden) || forbidden.Needs != auth.Admin {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.RequestTimeout)
	defer cancel()
	if err := s.Auditor.Record(ctx, c.entry(auth.NotPermitted)); err != nil {
		s.Logger.Warn("a refused attempt isn't in the audit log", zap.String("request_id", c.id), zap.Error(err))
	}
}

// shed refuses what there is no room for. Streams are idle most of the time,
// and take none.
func (s *Server) shed(ctx context.Context, c *call, next func(context.Context) error) error {
	if s.Admission.Shedder == nil || c.stream {
		return next(ctx)
	}
	permit, err := s.Admission.Shedder.Acquire(ctx, c.lane)
	if err != nil {
		refused := refuse(codes.Unavailable, reasonOverloaded, "there is no room for more now").retryIn(soon).because(err)
		var overloaded *limits.Overloaded
		if errors.As(err, &overloaded) {
			refused = refused.retryIn(overloaded.RetryAfter)
		}
		return refused
	}
	learn := false // nothing can be learned from a panic
	defer func() { permit.Release(learn) }()
	err = next(ctx)
	learn = ctx.Err() == nil
	return err
}

// limit bounds the work on a call. Streams end with their client, or with us.
func (s *Server) limit(ctx context.Context, c *call, next func(context.Context) error) error {
	if c.stream {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.RequestTimeout)
	defer cancel()
	return next(ctx)
}

// inject makes the call wait or fail on purpose.
func (s *Server) inject(ctx context.Context, c *call, next func(context.Context) error) error {
	if s.Admission.Faults == nil {
		return next(ctx)
	}
	delay, status := s.Admission.Faults.Decide(c.name, c.flags.Faults)
	if err := faults.Wait(ctx, delay); err != nil {
		return err
	}
	if status != 0 {
		refused := refuse(codeOf(status), reasonInjected, "by configuration, or by the flag fault-injection")
		if refused.code == codes.Unavailable {
			refused = refused.retryIn(soon)
		}
		return refused
	}
	return next(ctx)
}

// codeOf gives the gRPC code that stands for an HTTP status, as google/rpc/code.proto
// has them.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.Aborted
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusNotImplemented:
		return codes.Unimplemented
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	if status < http.StatusInternalServerError {
		return codes.FailedPrecondition
	}
	return codes.Internal
}

func tooMany(decision limits.Decision, message string) *refusal {
	return refuse(codes.ResourceExhausted, reasonRateLimited, "%s", message).retryIn(decision.RetryAfter)
}

// remoteOf is the other end of the connection, host:port.
func remoteOf(ctx context.Context) string {
	if client, known := peer.FromContext(ctx); known {
		return client.Addr.String()
	}
	return ""
}
