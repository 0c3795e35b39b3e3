package rpc_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/rpc"
)

// held is a service one of whose calls goes on until released, or its context ends.
func held(t *testing.T, stubborn bool) (s *service, answered chan error, release chan struct{}) {
	t.Helper()
	begun := make(chan struct{})
	release = make(chan struct{})
	s = start(t, breaking(func(ctx context.Context) error {
		close(begun)
		ended := ctx.Done()
		if stubborn {
			ended = nil
		}
		select {
		case <-release:
			return catalog.ErrNotFound
		case <-ended:
			return ctx.Err()
		}
	}))
	answered = make(chan error, 1)
	go func() { answered <- s.get(s.as("", "x-request-id", "held")) }()
	<-begun
	return s, answered, release
}

func (s *service) hasServed() {
	s.t.Helper()
	select {
	case err := <-s.served:
		if err != nil {
			s.t.Errorf("Serve gives %v, want nothing", err)
		}
	case <-time.After(10 * time.Second):
		s.t.Error("Serve goes on")
	}
}

func TestShutdownLetsCallsFinish(t *testing.T) {
	s, answered, release := held(t, false)
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(t.Context()) }()
	eventually(t, "new calls to be refused", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("it didn't wait for the call (%v)", err)
	default:
	}
	close(release)
	refused(t, <-answered, codes.NotFound, "product-not-found")
	if err := <-stopped; err != nil {
		t.Errorf("shut down: %v", err)
	}
	s.hasServed()
}

func TestShutdownIsBounded(t *testing.T) {
	for name, stubborn := range map[string]bool{"by a call that notices": false, "by one that doesn't": true} {
		t.Run(name, func(t *testing.T) {
			s, answered, release := held(t, stubborn)
			defer close(release)
			errBound := errors.New("the bound")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errBound)
			defer cancel()
			began := time.Now()
			if err := s.server.Shutdown(ctx); !errors.Is(err, errBound) {
				t.Errorf("shut down: %v, want %v", err, errBound)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if err := <-answered; status.Code(err) != codes.Unavailable {
				t.Errorf("the call ends with %v, want UNAVAILABLE", err)
			}
		})
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	s := start(t, nil)
	stream := must(reflectionv1.NewServerReflectionClient(s.conn).ServerReflectionInfo(s.as("", "x-request-id", "idle")))(t)
	if err := stream.Send(listServices()); err != nil {
		t.Fatal(err)
	}
	must(stream.Recv())(t) // it is open, and waits for the next question
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down: %v", err)
	}
	_, err := stream.Recv()
	refused(t, err, codes.Unavailable, "stopping")
	s.hasServed()
}

func TestShutdownMayComeTwiceAndFirst(t *testing.T) {
	s := start(t, nil)
	for range 2 {
		if err := s.server.Shutdown(t.Context()); err != nil {
			t.Errorf("shut down: %v", err)
		}
	}
	s.hasServed()
	options := rpc.Options{Ready: func(context.Context) bool { return true }, RequestTimeout: time.Second}
	idle := rpc.New(options)
	if err := idle.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down what never served: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Serve(listener); err != nil {
		t.Errorf("serve after the end: %v", err)
	}
}

func TestServeSaysWhyItEnds(t *testing.T) {
	server := rpc.New(rpc.Options{Ready: func(context.Context) bool { return true }, RequestTimeout: time.Second})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve on a closed listener: %v", err)
	}
}
