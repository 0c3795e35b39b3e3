package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// unlimited watches limits, and does nothing.
type unlimited struct{}

func (unlimited) Limited(string, limits.Source, bool) {}
func (unlimited) LeaseTaken(time.Duration, error)     {}
func (unlimited) LimiterUp(bool)                      {}
func (unlimited) Shed(limits.Lane, limits.Reason)     {}
func (unlimited) Concurrency(limits.Lane, int)        {}
func (unlimited) FaultInjected(string, faults.Kind)   {}

// rare is a rate that gives burst requests, and then none for a long time.
func rare(burst int) limits.Rate { return limits.Rate{Requests: 1, Per: time.Hour, Burst: burst} }

func throttled(t *testing.T, burst int) *limits.Throttle {
	t.Helper()
	return must(limits.NewThrottle(limits.ThrottleOptions{Rate: rare(burst), MaxAddresses: 10, Observer: unlimited{}}))(t)
}

func limited(t *testing.T, burst int) *limits.Limiter {
	t.Helper()
	return must(limits.NewLimiter(limits.LimiterOptions{
		Rates:      map[limits.Class]limits.Rate{limits.Read: rare(burst), limits.Write: rare(burst), limits.AuthFailure: rare(burst)},
		MaxClients: 10, Observer: unlimited{},
	}))(t)
}

func failing(t *testing.T, spec faults.Spec) *faults.Injector {
	t.Helper()
	return must(faults.New(faults.Options{Spec: spec, Seed: 1, Observer: unlimited{}}))(t)
}

func trusting(t *testing.T) limits.Proxies {
	t.Helper()
	return must(limits.NewProxies(limits.ProxyOptions{Trusted: []string{"127.0.0.0/8"}}))(t)
}

func TestAnAddressHasARate(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Admission = rpc.Admission{Proxies: trusting(t), Throttle: throttled(t, 2)} })
	from := func(address, token string) error {
		return s.get(s.as(token, "x-forwarded-for", "203.0.113.9, "+address)) // what a client wrote itself stands before
	}
	for range 2 {
		refused(t, from("192.0.2.7", ""), codes.NotFound, "product-not-found")
	}
	refused(t, from("192.0.2.7", ""), codes.ResourceExhausted, "rate-limited")
	refused(t, from("192.0.2.7", "viewer"), codes.ResourceExhausted, "rate-limited")
	refused(t, from("192.0.2.8", ""), codes.NotFound, "product-not-found")
}

func TestAClientHasARate(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Admission.Limiter = limited(t, 2) })
	var header metadata.MD
	refused(t, s.get(s.viewer(), grpc.Header(&header)), codes.NotFound, "product-not-found")
	if left := header.Get("ratelimit"); len(left) != 1 || !strings.Contains(left[0], ";r=1;") {
		t.Errorf("%q are left, want 1: %v", left, header)
	}
	refused(t, s.get(s.viewer()), codes.NotFound, "product-not-found")
	refused(t, s.get(s.viewer(), grpc.Header(&header)), codes.ResourceExhausted, "rate-limited")
	if retry := header.Get("retry-after"); len(retry) != 1 || retry[0] == "" || retry[0] == "0" {
		t.Errorf("it says to come back after %q", retry)
	}
	refused(t, s.get(s.as(otherViewer)), codes.NotFound, "product-not-found")
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found") // by its address
	// Writes have a rate of their own.
	_, err := s.catalog.DeleteProduct(s.viewer(), &pocctlv1.DeleteProductRequest{Id: someID})
	refused(t, err, codes.PermissionDenied, "forbidden")
	// Metadata is no way to become another client.
	refused(t, s.get(s.as("viewer", "x-forwarded-for", "192.0.2.1", "x-request-id", "other")), codes.ResourceExhausted, "rate-limited")
}

func TestAnUnreadableMessageCounts(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Admission.Limiter = limited(t, 1) })
	const method = pocctlv1.CatalogService_GetProduct_FullMethodName
	refused(t, s.send(s.as(""), method, []byte{0xff}), codes.InvalidArgument, "malformed-body")
	refused(t, s.send(s.as(""), method, []byte{0xff}), codes.ResourceExhausted, "rate-limited")
}

func TestRateLimitsCanBeOff(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Admission.Limiter = limited(t, 1)
		o.Flags = everyone(flags.Snapshot{RateLimiting: false})
	})
	for range 3 {
		refused(t, s.get(s.as("")), codes.NotFound, "product-not-found")
	}
}

func TestGuessingTokensHasARate(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Admission.Limiter = limited(t, 2) })
	for range 2 {
		refused(t, s.get(s.as("guess")), codes.Unauthenticated, "invalid-token")
	}
	refused(t, s.get(s.as("guess")), codes.ResourceExhausted, "rate-limited")
	refused(t, s.get(s.as("viewer")), codes.ResourceExhausted, "rate-limited") // the right one, too
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found")
}

func TestTheAddressIsThatBeforeTheProxies(t *testing.T) {
	tests := map[string]struct {
		trusted bool
		given   string
		want    string
	}{
		"of the connection": {true, "", "127.0.0.1"},
		"through a proxy":   {true, "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		"through nobody":    {false, "192.0.2.7", "127.0.0.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *rpc.Options) {
				if test.trusted {
					o.Admission.Proxies = trusting(t)
				}
			})
			pairs := []string{"x-request-id", "far"}
			if test.given != "" {
				pairs = append(pairs, "x-forwarded-for", test.given)
			}
			refused(t, s.get(s.as("", pairs...)), codes.NotFound, "product-not-found")
			if got, _ := s.watch.outcome(t, "far"); got.Address != test.want {
				t.Errorf("the address is %q, want %q", got.Address, test.want)
			}
		})
	}
	s := start(t, func(o *rpc.Options) { o.Admission.Proxies = trusting(t) })
	refused(t, s.get(s.as("", "x-forwarded-for", "nonsense")), codes.InvalidArgument, "invalid-parameter", "x-forwarded-for")
}

// narrow has room for one call in each lane.
func narrow(t *testing.T) *limits.Shedder {
	t.Helper()
	lanes := map[limits.Lane]limits.LaneOptions{}
	for _, lane := range []limits.Lane{limits.Point, limits.Query, limits.Change, limits.Admin} {
		lanes[lane] = limits.LaneOptions{Target: time.Minute, Min: 1, Initial: 1, Max: 1}
	}
	return must(limits.NewShedder(limits.ShedderOptions{Lanes: lanes, Observer: unlimited{}}))(t)
}

func TestWhatThereIsNoRoomForIsShed(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	shedder := narrow(t)
	s := start(t, func(o *rpc.Options) {
		o.Admission.Shedder = shedder
		breaking(func(context.Context) error {
			begun <- struct{}{}
			<-release
			return catalog.ErrNotFound
		})(o)
	})
	answered := make(chan error, 1)
	go func() { answered <- s.get(s.as("")) }()
	<-begun
	refused(t, s.get(s.as("")), codes.Unavailable, "overloaded")
	if err := s.whoAmI(s.viewer()); err != nil { // of another lane
		t.Errorf("refused: %v", err)
	}
	close(release)
	refused(t, <-answered, codes.NotFound, "product-not-found")
	go func() { <-begun }()
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found")
	if state := shedder.State(limits.Point); state.InFlight != 0 {
		t.Errorf("%d places aren't given back", state.InFlight)
	}
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	shedder := narrow(t)
	s := start(t, func(o *rpc.Options) {
		o.Admission.Shedder = shedder
		breaking(func(context.Context) error { panic("oh") })(o)
	})
	refused(t, s.get(s.as("")), codes.Internal, "internal")
	if state := shedder.State(limits.Point); state.InFlight != 0 {
		t.Errorf("%d places aren't given back", state.InFlight)
	}
}

func TestFaultsAreInjected(t *testing.T) {
	for status, code := range map[int]codes.Code{
		0: codes.Internal, 500: codes.Internal, 502: codes.Internal, 503: codes.Unavailable, 504: codes.DeadlineExceeded, 501: codes.Unimplemented,
		400: codes.InvalidArgument, 401: codes.Unauthenticated, 403: codes.PermissionDenied, 404: codes.NotFound, 409: codes.Aborted,
		418: codes.FailedPrecondition, 422: codes.InvalidArgument, 429: codes.ResourceExhausted,
	} {
		s := start(t, func(o *rpc.Options) {
			o.Admission.Faults = failing(t, faults.Spec{ErrorPercent: 100, ErrorStatus: status})
		})
		refused(t, s.get(s.as("")), code, "injected-fault")
	}
}

func TestAFlagInjectsFaults(t *testing.T) {
	const delay = 30 * time.Millisecond
	s := start(t, func(o *rpc.Options) {
		o.Admission.Faults = failing(t, faults.Spec{})
		o.Flags = everyone(flags.Snapshot{Faults: faults.Spec{Latency: delay}})
	})
	began := time.Now()
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found")
	if took := time.Since(began); took < delay {
		t.Errorf("answered after %s, before the delay of %s", took, delay)
	}
}

func TestAnInjectedDelayEndsWithTheCall(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.RequestTimeout = 50 * time.Millisecond
		o.Admission.Faults = failing(t, faults.Spec{Latency: time.Minute})
	})
	refused(t, s.get(s.as("")), codes.Unavailable, "store-unavailable")
}

func TestARefusedCallGoesNoFurther(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		o.Admission.Shedder = must(limits.NewShedder(limits.ShedderOptions{Observer: unlimited{}}))(t) // without a lane
		o.Admission.Faults = failing(t, faults.Spec{ErrorPercent: 100})
	})
	_, err := s.catalog.CreateProduct(s.viewer(), &pocctlv1.CreateProductRequest{})
	refused(t, err, codes.PermissionDenied, "forbidden")
	if code := status.Code(s.get(s.as(""))); code != codes.Unavailable {
		t.Errorf("what has no lane is answered with %s", code)
	}
}
