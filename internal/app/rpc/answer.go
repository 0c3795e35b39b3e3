package rpc

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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
		zap.Stringer("trace_id", trace.SpanContextFromContext(ctx).TraceID()),
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
		defer context.AfterFunc(s.streams, cancel)() //nolint:contextcheck // the server's end ends streams
		err := handler(service, &endless{stream, ctx})
		if err != nil && s.streams.Err() != nil {
			return refuse(codes.Unavailable, reasonStopping, "the server is about to stop").retryIn(soon).because(err)
		}
		return err
	})
}
