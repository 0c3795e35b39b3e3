package rpc_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/rpc"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

func (s *service) health(name string) healthv1.HealthCheckResponse_ServingStatus {
	s.t.Helper()
	return must(healthv1.NewHealthClient(s.conn).Check(s.t.Context(), &healthv1.HealthCheckRequest{Service: name}))(s.t).GetStatus()
}

func (s *service) becomes(name string, wanted healthv1.HealthCheckResponse_ServingStatus) {
	s.t.Helper()
	eventually(s.t, name+" to be "+wanted.String(), func() bool { return s.health(name) == wanted })
}

func TestHealthFollowsReadiness(t *testing.T) {
	ready := &atomic.Bool{}
	s := start(t, func(o *rpc.Options) { o.Ready = func(context.Context) bool { return ready.Load() } })
	names := []string{"", "pocctl.v1.CatalogService", "pocctl.v1.ObjectivesService", "pocctl.v1.OrderService", "pocctl.v1.AccountService", "pocctl.v1.AdminService"}
	for range 2 {
		for _, name := range names {
			s.becomes(name, notServing)
		}
		ready.Store(true)
		for _, name := range names {
			s.becomes(name, serving)
		}
		ready.Store(false)
	}
	ready.Store(true)
	s.becomes("", serving)
	s.server.Drain()
	for _, name := range names {
		if got := s.health(name); got != notServing {
			t.Errorf("%q is %s while it drains", name, got)
		}
	}
	if got := s.health("live"); got != serving {
		t.Errorf("live is %s while it drains", got)
	}
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found") // it goes on answering
}

func TestAnUnknownServiceHasNoHealth(t *testing.T) {
	s := start(t, nil)
	_, err := healthv1.NewHealthClient(s.conn).Check(s.as("", "x-request-id", "odd"), &healthv1.HealthCheckRequest{Service: "nobody"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("ended with %v, want NOT_FOUND", err)
	}
	if outcome, _ := s.watch.outcome(t, "odd"); !outcome.Probe || outcome.Operation != "" || outcome.ServerFault {
		t.Errorf("the observer is told %+v", outcome)
	}
}

func TestHealthCanBeWatched(t *testing.T) {
	ready := &atomic.Bool{}
	s := start(t, func(o *rpc.Options) { o.Ready = func(context.Context) bool { return ready.Load() } })
	watching := must(healthv1.NewHealthClient(s.conn).Watch(s.as("", "x-request-id", "watch"), &healthv1.HealthCheckRequest{}))(t)
	next := func() healthv1.HealthCheckResponse_ServingStatus {
		t.Helper()
		return must(watching.Recv())(t).GetStatus()
	}
	if got := next(); got != notServing {
		t.Errorf("it begins as %s", got)
	}
	ready.Store(true)
	if got := next(); got != serving {
		t.Errorf("it becomes %s", got)
	}
	s.server.Drain()
	if got := next(); got != notServing {
		t.Errorf("it drains as %s", got)
	}
	// A watch holds nobody up.
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if _, err := watching.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ends with %v, want UNAVAILABLE", err)
	}
	if outcome, _ := s.watch.outcome(t, "watch"); outcome.Reason != "stopping" || !outcome.Probe {
		t.Errorf("the observer is told %+v", outcome)
	}
}

func TestNothingKeepsAProbeOut(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Admission.Throttle = throttled(t, 1)
		o.Admission.Limiter = limited(t, 1)
		o.Admission.Faults = failing(t, faults.Spec{ErrorPercent: 100})
	})
	s.becomes("", serving)
	client := healthv1.NewHealthClient(s.conn)
	for range 5 {
		must(client.Check(t.Context(), &healthv1.HealthCheckRequest{}))(t)
		must(client.List(t.Context(), &healthv1.HealthListRequest{}))(t)
		must(must(client.Watch(t.Context(), &healthv1.HealthCheckRequest{}))(t).Recv())(t)
	}
	refused(t, s.get(s.as("")), codes.Internal, "injected-fault")
	refused(t, s.get(s.as("")), codes.ResourceExhausted, "rate-limited")
}

// reflect asks the reflection service one thing.
func (s *service) reflect(request *reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error) {
	stream, err := reflectionv1.NewServerReflectionClient(s.conn).ServerReflectionInfo(s.t.Context())
	if err != nil {
		return nil, err
	}
	// A stream that was refused takes nothing more: what it was refused with is received.
	if err := stream.Send(request); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return stream.Recv()
}

func listServices() *reflectionv1.ServerReflectionRequest {
	return &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
}

func TestReflectionListsWhatThereIs(t *testing.T) {
	s := start(t, nil)
	var got []string
	for _, service := range must(s.reflect(listServices()))(t).GetListServicesResponse().GetService() {
		got = append(got, service.GetName())
	}
	slices.Sort(got)
	want := "grpc.health.v1.Health grpc.reflection.v1.ServerReflection pocctl.v1.AccountService " +
		"pocctl.v1.AdminService pocctl.v1.CatalogService pocctl.v1.ObjectivesService pocctl.v1.OrderService"
	if strings.Join(got, " ") != want {
		t.Errorf("there are said to be %s, want %s", strings.Join(got, " "), want)
	}
	described := must(s.reflect(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "pocctl.v1.CatalogService"},
	}))(t)
	if len(described.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("the catalog isn't described: %v", described)
	}
}

func TestReflectionHasLimits(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Admission.Limiter = limited(t, 1) })
	must(s.reflect(listServices()))(t)
	_, err := s.reflect(listServices())
	refused(t, err, codes.ResourceExhausted, "rate-limited")
}

func TestReflectionMayBeOff(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Reflection = false })
	_, err := s.reflect(listServices())
	refused(t, err, codes.Unimplemented, "no-such-method")
}
