package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// liveService is a name to ask the health service for that is serving until the
// process ends, ready or not: for a liveness probe, which must not kill a
// process that only waits for its database.
const liveService = "live"

// followReadiness has the health service say what Ready does, until Shutdown.
func (s *Server) followReadiness() {
	poll := time.NewTicker(s.ReadyInterval)
	defer poll.Stop()
	for {
		ready := s.Ready(s.streams)
		s.settle.Lock()
		if !s.draining {
			s.serving(ready)
		}
		s.settle.Unlock()
		select {
		case <-s.streams.Done():
			return
		case <-poll.C:
		}
	}
}

// Drain has the health service say NOT_SERVING from now on. Calls are answered
// as before: load balancers take a while to hear of it.
func (s *Server) Drain() {
	s.settle.Lock()
	defer s.settle.Unlock()
	s.draining = true
	s.serving(false)
}

func (s *Server) serving(ready bool) {
	state := healthv1.HealthCheckResponse_NOT_SERVING
	if ready {
		state = healthv1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", state)
	for _, file := range files() {
		for service := range each(file.Services()) {
			s.health.SetServingStatus(string(service.FullName()), state)
		}
	}
	s.health.SetServingStatus(liveService, healthv1.HealthCheckResponse_SERVING)
}

// endless is a stream that goes on until its context ends. Of itself, one waits
// for its client's next message whatever its context says.
type endless struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is grpc.ServerStream's.
func (e *endless) Context() context.Context { return e.ctx }

// RecvMsg is grpc.ServerStream's.
func (e *endless) RecvMsg(message any) error {
	received := make(chan error, 1)
	go func() { received <- decodeInto(e.ServerStream.RecvMsg, message) }()
	select {
	case err := <-received:
		return err
	case <-e.ctx.Done():
		return context.Cause(e.ctx)
	}
}
