package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

func TestAnErrorIsAnsweredByItsKind(t *testing.T) {
	tests := map[string]struct {
		err    error
		code   codes.Code
		reason string
	}{
		"the store is away":   {fmt.Errorf("read: %w: %w", catalog.ErrUnavailable, errSecret), codes.Unavailable, "store-unavailable"},
		"it took too long":    {fmt.Errorf("read: %w", context.DeadlineExceeded), codes.Unavailable, "store-unavailable"},
		"not there":           {fmt.Errorf("read: %w", catalog.ErrNotFound), codes.NotFound, "product-not-found"},
		"unexpected":          {errSecret, codes.Internal, "internal"},
		"another's status":    {status.Error(codes.PermissionDenied, "password=secret"), codes.Internal, "internal"},
		"cancelled elsewhere": {fmt.Errorf("%w: %w", errSecret, context.Canceled), codes.Internal, "internal"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, breaking(func(context.Context) error { return test.err }))
			err := s.get(s.as("", "x-request-id", "find-me"))
			refused(t, err, test.code, test.reason)
			if strings.Contains(fmt.Sprint(status.Convert(err).Proto()), "secret") {
				t.Errorf("the cause is told to the client: %v", err)
			}
			outcome, _ := s.watch.outcome(t, "find-me")
			if !errors.Is(outcome.Err, test.err) || outcome.Reason != test.reason {
				t.Errorf("the observer is told %q (%v), want %q (%v)", outcome.Reason, outcome.Err, test.reason, test.err)
			}
		})
	}
}

func TestAPanicIsAnswered(t *testing.T) {
	s := start(t, breaking(func(context.Context) error { panic("password=secret") }))
	err := s.get(s.as("", "x-request-id", "find-me"))
	refused(t, err, codes.Internal, "internal")
	if strings.Contains(fmt.Sprint(status.Convert(err).Proto()), "secret") {
		t.Errorf("the cause is told to the client: %v", err)
	}
	logged := s.logs.FilterMessage("panic").FilterField(zap.String("request_id", "find-me")).All()
	if len(logged) != 1 || !strings.Contains(fmt.Sprint(logged[0].ContextMap()["stack"]), "answer_test.go") {
		t.Errorf("the panic isn't logged with its stack: %v", logged)
	}
	s.watch.outcome(t, "find-me")
	if s.watch.panics != 1 {
		t.Errorf("%d panics are counted, want 1", s.watch.panics)
	}
	refused(t, s.get(s.as("")), codes.Internal, "internal") // it goes on
}

func TestACallHasADeadline(t *testing.T) {
	const limit = 50 * time.Millisecond
	s := start(t, func(o *rpc.Options) {
		o.RequestTimeout = limit
		breaking(func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("read: %w: %w", catalog.ErrUnavailable, ctx.Err())
		})(o)
	})
	began := time.Now()
	refused(t, s.get(s.as("")), codes.Unavailable, "store-unavailable")
	if took := time.Since(began); took < limit {
		t.Errorf("answered after %s, before the limit of %s", took, limit)
	}
}

func TestAClientThatDoesNotWaitIsNoFaultOfOurs(t *testing.T) {
	reached := make(chan struct{}, 1)
	s := start(t, breaking(func(ctx context.Context) error {
		reached <- struct{}{}
		<-ctx.Done()
		return fmt.Errorf("read: %w", ctx.Err())
	}))
	ctx, cancel := context.WithCancel(s.as("", "x-request-id", "gone"))
	defer cancel()
	go func() { <-reached; cancel() }()
	if err := s.get(ctx); status.Code(err) != codes.Canceled {
		t.Errorf("ended with %v, want that it is cancelled", err)
	}
	if outcome, _ := s.watch.outcome(t, "gone"); outcome.Code != "CANCELLED" || outcome.ServerFault || outcome.Reason != "cancelled" {
		t.Errorf("the observer is told %+v", outcome)
	}
	ctx, cancel = context.WithTimeout(s.as("", "x-request-id", "late"), 30*time.Millisecond)
	defer cancel()
	if err := s.get(ctx); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("ended with %v, want that the deadline has passed", err)
	}
}

func TestTheRequestIDGoesThrough(t *testing.T) {
	tests := map[string]struct {
		given []string
		kept  bool
	}{
		"none":        {nil, false},
		"a good one":  {[]string{"Ab-1_2.3"}, true},
		"the longest": {[]string{strings.Repeat("a", 128)}, true},
		"too long":    {[]string{strings.Repeat("a", 129)}, false},
		"odd":         {[]string{"a b\"c"}, false},
		"two":         {[]string{"one", "two"}, false},
	}
	s := start(t, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"x-request-id": test.given})
			for method, call := range map[string]func(grpc.CallOption) error{
				"one that succeeds": func(header grpc.CallOption) error {
					_, err := healthv1.NewHealthClient(s.conn).Check(ctx, &healthv1.HealthCheckRequest{}, header)
					return err
				},
				"one that fails": func(header grpc.CallOption) error { return s.get(ctx, header) },
			} {
				var header metadata.MD
				err := call(grpc.Header(&header))
				got := header.Get("x-request-id")
				kept := len(got) == 1 && len(test.given) > 0 && got[0] == test.given[0]
				if len(got) != 1 || got[0] == "" || kept != test.kept {
					t.Errorf("%s: the request ID %q is answered with %q (%v)", method, test.given, got, err)
				}
			}
		})
	}
}

func TestTheObserverIsToldOfEveryCall(t *testing.T) {
	snapshot := flags.Snapshot{RateLimiting: true, ExperimentalSearch: true}
	s := start(t, func(o *rpc.Options) { o.Flags = everyone(snapshot) })
	if err := s.whoAmI(s.as("editor", "x-request-id", "seen")); err != nil {
		t.Fatal(err)
	}
	got, ctx := s.watch.outcome(t, "seen")
	if got.Took <= 0 {
		t.Errorf("it took %s", got.Took)
	}
	got.Took = 0
	want := rpc.Outcome{
		Method: pocctlv1.AccountService_WhoAmI_FullMethodName, Operation: "whoAmI", RequestID: "seen",
		Address: "127.0.0.1", User: "subject-of-editor", Flags: snapshot, Code: "OK",
	}
	if got != want {
		t.Errorf("the observer is told %+v, want %+v", got, want)
	}
	if who := auth.FromContext(ctx); who.Subject != want.User || flags.FromContext(ctx) != snapshot {
		t.Errorf("the context has the principal %+v and the flags %+v", who, flags.FromContext(ctx))
	}
	if s.watch.begun[0] != want.Method {
		t.Errorf("the first call begun is %q", s.watch.begun[0])
	}
	// One that is refused has its user, too.
	_, err := s.catalog.CreateProduct(s.as("viewer", "x-request-id", "refused"), &pocctlv1.CreateProductRequest{})
	refused(t, err, codes.PermissionDenied, "forbidden")
	got, _ = s.watch.outcome(t, "refused")
	if got.Code != "PERMISSION_DENIED" || got.Reason != "forbidden" || got.ServerFault || got.User != "subject-of-viewer" {
		t.Errorf("the observer is told %+v", got)
	}
}
