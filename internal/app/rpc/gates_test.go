package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
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
	if len(logged) != 1 || !strings.Contains(fmt.Sprint(logged[0].ContextMap()["stack"]), "gates_test.go") {
		t.Errorf("the panic isn't logged with its stack: %v", logged)
	}
	s.watch.outcome(t, "find-me")
	if s.watch.panics != 1 {
		t.Errorf("%d panics are counted, want 1", s.watch.panics)
	}
	if s.create("AFTER") == nil {
		t.Error("the server doesn't go on")
	}
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	var well atomic.Value
	s := start(t, func(o *rpc.Options) {
		breaking(func(context.Context) error { panic("oh") })(o)
		o.Acquire = func(context.Context) (func(bool), error) {
			return func(ok bool) { well.Store(ok) }, nil
		}
	})
	refused(t, s.get(s.as("")), codes.Internal, "internal")
	if well.Load() != false {
		t.Errorf("the place is given back with %v, want false", well.Load())
	}
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

// gates records which hooks a call passes, and may close one.
type gates struct {
	passed []string
	closed string
}

func (g *gates) into(o *rpc.Options) {
	pass := func(name string) bool {
		g.passed = append(g.passed, name)
		return g.closed != name
	}
	o.Throttle = func(context.Context) (time.Duration, bool) { return time.Second, pass("throttle") }
	judge := o.Verify
	o.Verify = func(ctx context.Context, token string) (auth.Principal, error) {
		pass("verify")
		return judge(ctx, token)
	}
	o.Prepare = func(ctx context.Context) context.Context {
		pass("prepare " + auth.FromContext(ctx).Subject)
		return context.WithValue(ctx, preparedKey{}, "prepared")
	}
	o.Allow = func(ctx context.Context, operation string) (time.Duration, bool) {
		return 2 * time.Second, pass(fmt.Sprint("allow ", operation, " ", ctx.Value(preparedKey{})))
	}
	o.Acquire = func(context.Context) (func(bool), error) {
		if !pass("acquire") {
			return nil, errSecret
		}
		return func(ok bool) { pass(fmt.Sprint("release ", ok)) }, nil
	}
	o.Faults = func(_ context.Context, method string) error {
		if !pass("fault " + method) {
			return errSecret
		}
		return nil
	}
}

type preparedKey struct{}

func TestACallPassesItsGatesInOrder(t *testing.T) {
	const (
		get      = "fault " + pocctlv1.CatalogService_GetProduct_FullMethodName
		allow    = "allow getProduct prepared"
		prepared = "prepare subject-of-viewer"
	)
	order := []string{"throttle", "verify", prepared, allow, "acquire", get}
	tests := map[string]struct {
		closed string
		passes int
		after  []string
		code   codes.Code
		reason string
	}{
		"all open":       {"", 6, []string{"release true"}, codes.NotFound, "product-not-found"},
		"too many there": {"throttle", 1, nil, codes.ResourceExhausted, "rate-limited"},
		"too many":       {allow, 4, nil, codes.ResourceExhausted, "rate-limited"},
		"overloaded":     {"acquire", 5, nil, codes.Unavailable, "overloaded"},
		"a fault":        {get, 6, []string{"release false"}, codes.Internal, "injected-fault"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := &gates{closed: test.closed}
			s := start(t, g.into)
			refused(t, s.get(s.viewer()), test.code, test.reason)
			want := append(append([]string{}, order[:test.passes]...), test.after...)
			if strings.Join(g.passed, "\n") != strings.Join(want, "\n") {
				t.Errorf("passed %q, want %q", g.passed, want)
			}
		})
	}
}

func TestARefusedCallTakesNoPlace(t *testing.T) {
	g := &gates{}
	s := start(t, g.into)
	_, err := s.catalog.CreateProduct(s.viewer(), &pocctlv1.CreateProductRequest{Product: draft("A")})
	refused(t, err, codes.PermissionDenied, "forbidden")
	if last := g.passed[len(g.passed)-1]; last != "allow createProduct prepared" {
		t.Errorf("the last gate is %q: %q", last, g.passed)
	}
}

func TestAFaultKeepsItsCode(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Faults = func(context.Context, string) error { return status.Error(codes.Unavailable, "away") }
	})
	got := status.Convert(s.get(s.as("")))
	if got.Code() != codes.Unavailable || got.Message() == "away" {
		t.Errorf("answered with %v", got)
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
	created := s.create("NAMED")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, id := range []string{created.GetId(), someID} { // one is there, the other isn't
				var header metadata.MD
				ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"x-request-id": test.given})
				_, err := s.catalog.GetProduct(ctx, &pocctlv1.GetProductRequest{Id: id}, grpc.Header(&header))
				got := header.Get("x-request-id")
				if len(got) != 1 || got[0] == "" || (test.kept && got[0] != test.given[0]) || (!test.kept && len(test.given) > 0 && got[0] == test.given[0]) {
					t.Errorf("the request ID %q is answered with %q (%v)", test.given, got, err)
				}
			}
		})
	}
}

func TestTheObserverIsToldOfEveryCall(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Prepare = func(ctx context.Context) context.Context { return context.WithValue(ctx, preparedKey{}, "prepared") }
	})
	_, err := s.catalog.CreateProduct(s.as("editor", "x-request-id", "seen"), &pocctlv1.CreateProductRequest{Product: draft("SEEN")})
	if err != nil {
		t.Fatal(err)
	}
	got, ctx := s.watch.outcome(t, "seen")
	if got.Took <= 0 {
		t.Errorf("it took %s", got.Took)
	}
	got.Took = 0
	want := rpc.Outcome{
		Method: pocctlv1.CatalogService_CreateProduct_FullMethodName, Operation: "createProduct",
		RequestID: "seen", Address: "127.0.0.1", Code: "OK",
	}
	if got != want {
		t.Errorf("the observer is told %+v, want %+v", got, want)
	}
	if who := auth.FromContext(ctx); who.Subject != "subject-of-editor" || ctx.Value(preparedKey{}) != "prepared" {
		t.Errorf("the context has the principal %+v and %v", who, ctx.Value(preparedKey{}))
	}
	if s.watch.begun[0] != want.Method {
		t.Errorf("the first call begun is %q", s.watch.begun[0])
	}
	// One that is refused has its principal, too.
	_, err = s.catalog.CreateProduct(s.as("viewer", "x-request-id", "refused"), &pocctlv1.CreateProductRequest{})
	refused(t, err, codes.PermissionDenied, "forbidden")
	got, ctx = s.watch.outcome(t, "refused")
	if got.Code != "PERMISSION_DENIED" || got.Reason != "forbidden" || got.ServerFault || auth.FromContext(ctx).Role != auth.Viewer {
		t.Errorf("the observer is told %+v of %+v", got, auth.FromContext(ctx))
	}
}

func TestTheAddressMayBeAnothers(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Address = func(ctx context.Context) string {
			return metadata.ValueFromIncomingContext(ctx, "x-forwarded-for")[0]
		}
	})
	_ = s.get(s.as("", "x-request-id", "far", "x-forwarded-for", "192.0.2.7"))
	if got, _ := s.watch.outcome(t, "far"); got.Address != "192.0.2.7" {
		t.Errorf("the address is %q", got.Address)
	}
}
