package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// registrar registers services so that a message that can't be read, or doesn't
// come, is an answer like any other. Of themselves such calls would get past
// the interceptors: no limit would count them, and gRPC would answer INTERNAL.
type registrar struct{ *Server }

// RegisterService is grpc.ServiceRegistrar's.
func (r registrar) RegisterService(described *grpc.ServiceDesc, service any) {
	ours := *described
	ours.Methods = make([]grpc.MethodDesc, len(described.Methods))
	for i, m := range described.Methods {
		ours.Methods[i] = grpc.MethodDesc{
			MethodName: m.MethodName, Handler: r.reads("/"+described.ServiceName+"/"+m.MethodName, m.Handler),
		}
	}
	r.grpc.RegisterService(&ours, service)
}

// handler is grpc.MethodDesc's.
type handler = func(service any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error)

func (r registrar) reads(name string, handle handler) handler {
	return func(service any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		if err := setRequestID(ctx); err != nil { // first, as it is too late once reading fails
			return nil, err
		}
		var unread error
		response, err := handle(service, ctx, func(message any) error {
			unread = r.receive(decode, message)
			return unread
		}, interceptor)
		if unread == nil {
			return response, err
		}
		info := &grpc.UnaryServerInfo{Server: service, FullMethod: name}
		return interceptor(ctx, nil, info, func(context.Context, any) (any, error) { return nil, unreadable(unread) })
	}
}

// receive waits for a message no longer than a request may take. A late one is
// read, all the same, into memory that nobody looks at; or its stream ends.
func (r registrar) receive(decode func(any) error, message any) error {
	received := make(chan error, 1)
	go func() { received <- decodeInto(decode, message) }()
	timer := time.NewTimer(r.RequestTimeout)
	defer timer.Stop()
	select {
	case err := <-received:
		return err
	case <-timer.C:
		return refuse(codes.InvalidArgument, reasonMalformed, "no message came within %s", r.RequestTimeout)
	}
}

// incoming is a message to be read. If that fails, gRPC's part of the server
// must not know: it would answer INTERNAL at once, and nothing could be said
// after it, so err is kept from it. What else goes wrong while a message is
// received, it does answer: one that is too long, or never sent.
type incoming struct {
	message any
	err     error
}

func decodeInto(decode func(any) error, message any) error {
	in := &incoming{message: message}
	if err := decode(in); err != nil {
		return err
	}
	return in.err
}

// codec is gRPC's own for protobuf, but for incoming.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Unmarshal is encoding.CodecV2's.
func (c codec) Unmarshal(data mem.BufferSlice, into any) error {
	in, is := into.(*incoming)
	if !is {
		return c.CodecV2.Unmarshal(data, into)
	}
	if err := c.CodecV2.Unmarshal(data, in.message); err != nil {
		in.err = refuse(codes.InvalidArgument, reasonMalformed, "the message isn't what this method takes").because(err)
	}
	return nil
}

// reflected is what the reflection service wants: a registrar that knows its services.
type reflected struct {
	grpc.ServiceRegistrar
	server *grpc.Server
}

// GetServiceInfo gives the services that clients are told of.
func (r reflected) GetServiceInfo() map[string]grpc.ServiceInfo { return r.server.GetServiceInfo() }
