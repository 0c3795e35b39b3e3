package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"

	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// Limits on a connection and its calls.
const (
	// maxReceive is REST's limit on a body.
	maxReceive = 64 << 10
	// maxSend is what clients take unless they are told otherwise; the largest
	// page, with every character of four bytes, has less than half of it.
	maxSend        = 4 << 20
	maxHeaderBytes = 32 << 10
	// maxStreams is how many calls a connection may have at once.
	maxStreams       = 250
	handshakeTimeout = 5 * time.Second
	// A client may ping this often, also while it has no call.
	pingInterval = 10 * time.Second
	// Idle connections are closed, and all of them now and then, so that clients
	// spread over replicas that have come since.
	maxIdle = 5 * time.Minute
	maxAge  = 30 * time.Minute
	// A peer that is silent for aliveAfter is asked, and has aliveTimeout to answer.
	aliveAfter   = time.Minute
	aliveTimeout = 20 * time.Second
)

// Server answers gRPC. Make it with New.
type Server struct {
	Options
	grpc    *grpc.Server
	health  *health.Server
	methods map[string]method
	// streams ends when the server shuts down, and ends streams that would go on
	// for as long as their client likes.
	streams    context.Context
	endStreams context.CancelFunc

	settle   sync.Mutex // guards what the health service says
	draining bool
}

// New makes a server. It panics if one of its services isn't in the policy.
func New(options Options) *Server {
	if options.ReadyInterval <= 0 {
		options.ReadyInterval = time.Second
	}
	s := &Server{Options: options, health: health.NewServer(), methods: methods()}
	s.streams, s.endStreams = context.WithCancel(context.Background())
	recovered := recovery.WithRecoveryHandlerContext(s.recovered)
	s.grpc = grpc.NewServer(
		grpc.StatsHandler(watcher{s}), // before the other, which ends the span
		grpc.StatsHandler(s.tracing()),
		grpc.ChainUnaryInterceptor(s.answerUnary, recovery.UnaryServerInterceptor(recovered), s.admitUnary),
		grpc.ChainStreamInterceptor(s.answerStream, recovery.StreamServerInterceptor(recovered), s.admitStream),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return errNoMethod() }),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxSendMsgSize(maxSend),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: maxIdle, MaxConnectionAge: maxAge, MaxConnectionAgeGrace: 2 * options.RequestTimeout,
			Time: aliveAfter, Timeout: aliveTimeout,
		}),
	)
	s.register(registrar{s})
	return s
}

func (s *Server) register(to grpc.ServiceRegistrar) {
	pocctlv1.RegisterCatalogServiceServer(to, &catalogService{catalog: s.Catalog})
	pocctlv1.RegisterOrderServiceServer(to, &orderService{orders: s.Orders})
	pocctlv1.RegisterAccountServiceServer(to, accountService{})
	pocctlv1.RegisterObjectivesServiceServer(to, &objectivesService{objectives: s.Objectives})
	pocctlv1.RegisterAdminServiceServer(to, &adminService{Options: &s.Options})
	healthv1.RegisterHealthServer(to, s.health)
	s.serving(false)
	if s.Reflection {
		reflection.RegisterV1(reflected{to, s.grpc})
	}
}

// tracing makes a span of every call but the probes'. Metrics are the Observer's.
func (s *Server) tracing() stats.Handler {
	provider, propagator := s.TracerProvider, s.Propagator
	if provider == nil {
		provider = nooptrace.NewTracerProvider()
	}
	if propagator == nil {
		propagator = propagation.NewCompositeTextMapPropagator()
	}
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(provider), otelgrpc.WithPropagators(propagator),
		otelgrpc.WithMeterProvider(noopmetric.NewMeterProvider()),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !s.methods[info.FullMethodName].probe }),
	)
}

// Serve answers on listener until Shutdown, and closes it. It then gives nil.
func (s *Server) Serve(listener net.Listener) error {
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		s.followReadiness()
	}()
	err := s.grpc.Serve(listener)
	s.endStreams()
	<-followed
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
	}
	return nil
}

// cutTime is how long a call that was cut may take to notice.
const cutTime = time.Second

// Shutdown takes no more calls, lets those that have begun finish until ctx
// ends, then cuts what is left; that is an error. Streams without an end of
// their own, watches of health and reflection, are ended at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	s.endStreams()
	stopped := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	// Stop waits for the lock that GracefulStop has while a handler goes on.
	go s.grpc.Stop()
	select {
	case <-stopped:
	case <-time.After(cutTime):
	}
	return fmt.Errorf("wait for gRPC calls to finish: %w", context.Cause(ctx))
}
