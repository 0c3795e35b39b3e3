package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// Limits on a connection. Idle ones outlive a load balancer's own, so that it
// never sends a request into one that is being closed.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// Serve listens at once and serves until ctx ends; it is ready as soon as the
// database answers and its schema is at head. When ctx ends it turns not ready,
// waits ReadinessDelay, lets requests finish within ShutdownTimeout, then jobs,
// closes its pools, and sends off the last traces. Errors: *OptionError, an
// address in use, requests or jobs that didn't finish.
func Serve(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	listeners, err := listen(ctx, options)
	if err != nil {
		return err
	}
	defer listeners.close() // the servers have closed them unless they never began
	parts, err := assemble(ctx, options)
	if err != nil {
		return err
	}
	defer parts.flush()
	err = (&service{options: options, parts: parts, listeners: listeners}).run(ctx)
	err = errors.Join(err, parts.close(context.WithoutCancel(ctx)))
	parts.logger.Info("stopped", zap.Error(err))
	return err
}

// service is the parts, running.
type service struct {
	*parts
	options   Options
	listeners *listeners
	draining  atomic.Bool
	readiness *readiness

	http, private *http.Server
	rpc           *rpc.Server // nil without gRPC
}

func (s *service) run(ctx context.Context) error {
	// Work outlives ctx: what has begun when it ends is to be finished.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var background sync.WaitGroup
	defer background.Wait()
	defer stopWork()
	if s.redis != nil {
		background.Go(func() { s.cache.Run(work) })
	}
	background.Go(func() { s.flags.Run(work) })
	background.Go(func() { s.warm(work) })
	jobs, stopJobs := context.WithCancel(work)
	defer stopJobs()
	worked := make(chan error, 1)
	go func() { worked <- s.queue.Run(jobs, s.options.ShutdownTimeout) }()

	s.make(work)
	served := make(chan error, 3)
	s.begin(served)
	addresses := s.listeners.addresses()
	s.logger.Info("listening", zap.Stringer("address", addresses.HTTP), zap.String("role", string(s.options.Role)),
		zap.String("version", s.options.Build.Version))
	if s.options.Started != nil {
		s.options.Started(addresses)
	}

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		s.draining.Store(true)
		err = s.drain(work)
	}
	stopJobs()
	return errors.Join(err, <-worked)
}

// warm fetches the issuer's keys, so that the first request with a token needn't wait.
func (s *service) warm(ctx context.Context) {
	if err := s.verifier.Warm(ctx); err != nil && ctx.Err() == nil {
		s.logger.Info("the issuer's keys can't be fetched yet", zap.Error(err))
	}
}

// make makes the servers. Requests have contexts that descend from work.
func (s *service) make(work context.Context) {
	off := &readinessSwitch{}
	s.readiness = &readiness{
		parts: s.parts, issuer: s.options.OIDCIssuer, works: s.options.Role.works(), draining: s.draining.Load, off: off.off.Load,
	}
	probes := api.Probes{
		Readiness: s.readiness.check, Metrics: s.metrics.Handler(),
		Build: api.Build{
			Version: s.options.Build.Version, Commit: s.options.Build.Commit, Date: s.options.Build.Date, Go: runtime.Version(),
		},
	}
	s.http = s.server(work, probes.Handler())
	if s.options.Role.serves() {
		s.http = s.server(work, api.New(api.Options{ //nolint:contextcheck // requests have their own
			Catalog: s.catalog, Orders: s.orders, Cache: s.cache, DeadLetters: s.queue, Flags: s.flags, Auditor: telemetry.NewAuditor(s.store.Audit(), s.metrics),
			Objectives: s.objectives, Verifier: s.verifier, Admission: s.admission, Observer: telemetry.NewHTTP(s.metrics, s.tracing, s.logger),
			Logger: s.logger, Probes: probes, Draining: s.draining.Load, RequestTimeout: s.options.RequestTimeout, IssuerURL: s.options.OIDCIssuer,
		}))
	}
	s.private = s.server(work, private(off))
	s.private.WriteTimeout = 2 * time.Minute // profiles take as long as they are asked to
	if s.listeners.grpc != nil {
		s.rpc = rpc.New(rpc.Options{
			Catalog: s.catalog, Orders: s.orders, DeadLetters: s.queue, Flags: s.flags, Auditor: telemetry.NewAuditor(s.store.Audit(), s.metrics),
			Objectives: s.objectives, Verifier: s.verifier, Admission: rpc.Admission(s.admission), Observer: telemetry.NewRPC(s.metrics, s.logger), Logger: s.logger,
			Ready: s.readiness.ready, RequestTimeout: s.options.RequestTimeout, Reflection: s.options.GRPCReflection,
			TracerProvider: s.tracing.Provider, Propagator: s.tracing.Propagator,
		})
	}
}

func (s *service) server(work context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return work },
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + s.options.RequestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(s.logger),
	}
}

// begin serves; the first server that fails ends them all.
func (s *service) begin(served chan<- error) {
	for _, one := range []struct {
		listener net.Listener
		serve    func(net.Listener) error
	}{
		{s.listeners.http, s.http.Serve}, {s.listeners.private, s.private.Serve}, {s.listeners.grpc, s.rpc.Serve},
	} {
		if one.listener == nil {
			continue
		}
		go func() {
			if err := one.serve(one.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				served <- fmt.Errorf("serve %s: %w", one.listener.Addr(), err)
			}
		}()
	}
}

// drain ends the servers: not ready, then no new requests, then none at all.
func (s *service) drain(work context.Context) error {
	s.logger.Info("draining", zap.Duration("readiness_delay", s.options.ReadinessDelay), zap.Duration("timeout", s.options.ShutdownTimeout))
	if s.rpc != nil {
		s.rpc.Drain()
	}
	<-time.After(s.options.ReadinessDelay)
	ctx, cancel := context.WithTimeout(work, s.options.ShutdownTimeout)
	defer cancel()
	var err error
	var both sync.WaitGroup
	both.Go(func() { err = s.shutDown(ctx, s.http) })
	var rpcErr error
	if s.rpc != nil {
		both.Go(func() { rpcErr = s.rpc.Shutdown(ctx) })
	}
	both.Wait()
	_ = s.private.Close() // a profile isn't waited for
	return errors.Join(err, rpcErr)
}

func (s *service) shutDown(ctx context.Context, server *http.Server) error {
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait %s for requests to finish: %w", s.options.ShutdownTimeout, err), server.Close())
	}
	return nil
}

// listeners are where the service listens; nil where it doesn't.
type listeners struct{ http, grpc, private net.Listener }

func listen(ctx context.Context, options Options) (*listeners, error) {
	l := &listeners{}
	grpcAddress := options.GRPCAddress
	if !options.Role.serves() {
		grpcAddress = ""
	}
	for _, one := range []struct {
		address string
		into    *net.Listener
	}{{options.Address, &l.http}, {grpcAddress, &l.grpc}, {options.PrivateAddress, &l.private}} {
		if one.address == "" {
			continue
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", one.address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listen on %s: %w", one.address, err)
		}
		*one.into = listener
	}
	return l, nil
}

func (l *listeners) close() {
	for _, listener := range []net.Listener{l.http, l.grpc, l.private} {
		if listener != nil {
			_ = listener.Close() // a server may have closed it
		}
	}
}

func (l *listeners) addresses() Addresses {
	address := func(listener net.Listener) net.Addr {
		if listener == nil {
			return nil
		}
		return listener.Addr()
	}
	return Addresses{address(l.http), address(l.grpc), address(l.private)}
}
