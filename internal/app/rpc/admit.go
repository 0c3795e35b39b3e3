package rpc

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// answerUnary is the outermost: whatever comes of a call ends as a status.
func (s *Server) answerUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	response, err := handler(ctx, request)
	return response, s.answer(ctx, err)
}

func (s *Server) answerStream(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := stream.Context()
	callOf(ctx).stream = true
	if err := setRequestID(ctx); err != nil {
		return err
	}
	return s.answer(ctx, handler(service, stream))
}

// setRequestID tells the client the request's ID.
func setRequestID(ctx context.Context) error {
	return grpc.SetHeader(ctx, metadata.Pairs(requestIDKey, callOf(ctx).id))
}

// recovered makes an answer of a panic.
func (s *Server) recovered(ctx context.Context, cause any) error {
	s.Observer.Panic()
	s.Logger.Error("panic", zap.String("request_id", callOf(ctx).id), zap.String("method", callOf(ctx).label()),
		zap.Any("cause", cause), zap.ByteString("stack", debug.Stack()))
	return fmt.Errorf("panic: %v", cause)
}

func (s *Server) admitUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	err = s.admit(ctx, func(ctx context.Context) error {
		response, err = handler(ctx, request)
		return err
	})
	return response, err
}

func (s *Server) admitStream(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return s.admit(stream.Context(), func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.streams, cancel)()
		err := handler(service, &endless{stream, ctx})
		if err != nil && s.streams.Err() != nil {
			return refuse(codes.Unavailable, reasonStopping, "the server is about to stop").retryIn(soon).because(err)
		}
		return err
	})
}

// gate is one thing that a call passes on its way in: it refuses, or goes on to
// next, with another context perhaps.
type gate func(ctx context.Context, c *call, next func(context.Context) error) error

// admit has handle do its work if every gate lets the call pass.
func (s *Server) admit(ctx context.Context, handle func(context.Context) error) error {
	c := callOf(ctx)
	if c.probe {
		return handle(ctx)
	}
	gates := [...]gate{s.throttle, s.identify, s.allow, s.authorize, s.acquire, s.limit, s.inject}
	var pass func(ctx context.Context, i int) error
	pass = func(ctx context.Context, i int) error {
		if i == len(gates) {
			c.ctx = ctx
			return handle(ctx)
		}
		return gates[i](ctx, c, func(ctx context.Context) error { return pass(ctx, i+1) })
	}
	return pass(ctx, 0)
}

// throttle bounds what one address may do.
func (s *Server) throttle(ctx context.Context, _ *call, next func(context.Context) error) error {
	if s.Throttle != nil {
		if retry, ok := s.Throttle(ctx); !ok {
			return refuse(codes.ResourceExhausted, reasonRateLimited, "too many calls from this address").retryIn(retry)
		}
	}
	return next(ctx)
}

// identify finds out who calls. A token that is no good is refused whatever is
// asked, or its bearer would wonder why nothing is theirs.
func (s *Server) identify(ctx context.Context, c *call, next func(context.Context) error) error {
	token, given, err := auth.FromHeader(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return err
	}
	if given {
		who, err := s.Verify(ctx, token)
		if err != nil {
			return err
		}
		ctx = auth.NewContext(ctx, who)
	}
	if s.Prepare != nil {
		ctx = s.Prepare(ctx)
	}
	c.ctx = ctx // for the log, if the call gets no further
	return next(ctx)
}

// allow bounds what one client may do.
func (s *Server) allow(ctx context.Context, c *call, next func(context.Context) error) error {
	if s.Allow != nil {
		if retry, ok := s.Allow(ctx, c.operation); !ok {
			return refuse(codes.ResourceExhausted, reasonRateLimited, "too many calls").retryIn(retry)
		}
	}
	return next(ctx)
}

// authorize refuses who may not call the method.
func (s *Server) authorize(ctx context.Context, c *call, next func(context.Context) error) error {
	switch {
	case !c.known:
		return errNoMethod()
	case !c.open:
		if err := auth.Authorize(auth.FromContext(ctx), c.operation); err != nil {
			return err
		}
	}
	return next(ctx)
}

// acquire bounds the calls that are worked on at once. Streams are idle most of
// the time, and don't count.
func (s *Server) acquire(ctx context.Context, c *call, next func(context.Context) error) error {
	if s.Acquire == nil || c.stream {
		return next(ctx)
	}
	release, err := s.Acquire(ctx)
	if err != nil {
		return refuse(codes.Unavailable, reasonOverloaded, "the service is overloaded").retryIn(soon).because(err)
	}
	well := false // it isn't if the handler panics
	defer func() { release(well) }()
	err = next(ctx)
	well = err == nil || !isServerFault(refusalOf(err, c.reads).code)
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
	if s.Faults != nil {
		if err := s.Faults(ctx, c.name); err != nil {
			code := codes.Internal
			if given, isStatus := status.FromError(err); isStatus {
				code = given.Code()
			}
			return refuse(code, reasonInjected, "a fault was injected on purpose").because(err)
		}
	}
	return next(ctx)
}
