package rpc_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

const requestTimeout = 5 * time.Second

// service is the whole of gRPC on a database of its own, and a client of it.
type service struct {
	t       *testing.T
	address string
	server  *rpc.Server
	conn    *grpc.ClientConn
	watch   *watch
	logs    *observer.ObservedLogs
	served  chan error
	rules   *orders.Orders // of a full one

	catalog pocctlv1.CatalogServiceClient
	orders  pocctlv1.OrderServiceClient
	account pocctlv1.AccountServiceClient
	manage  pocctlv1.AdminServiceClient
}

// start makes a service with no database, in whose catalog there is nothing;
// change may replace parts of it.
func start(t *testing.T, change func(*rpc.Options)) *service {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	s := &service{t: t, watch: &watch{}, logs: logs, served: make(chan error, 1)}
	options := rpc.Options{
		Catalog:    broken{get: func(context.Context) error { return catalog.ErrNotFound }},
		Flags:      everyone(flags.Snapshot{ProductCache: true, RateLimiting: true}),
		Objectives: heldTo{}, Observer: s.watch, Logger: zap.New(core), Verifier: tokens{},
		Ready: func(context.Context) bool { return true }, ReadyInterval: 10 * time.Millisecond,
		RequestTimeout: requestTimeout, Reflection: true,
	}
	if change != nil {
		change(&options)
	}
	s.server = rpc.New(options)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.address = listener.Addr().String()
	go func() { s.served <- s.server.Serve(listener) }()
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.server.Shutdown(ended)
	})
	s.conn = s.dial()
	s.catalog = pocctlv1.NewCatalogServiceClient(s.conn)
	s.orders = pocctlv1.NewOrderServiceClient(s.conn)
	s.account = pocctlv1.NewAccountServiceClient(s.conn)
	s.manage = pocctlv1.NewAdminServiceClient(s.conn)
	return s
}

// full makes a service over a database of its own.
func full(t *testing.T) *service {
	t.Helper()
	var rules *orders.Orders
	s := start(t, func(o *rpc.Options) { rules = over(t, o, postgres.URL(t, postgres.Database(t))) })
	s.rules = rules
	return s
}

// over puts the rules over a database.
func over(t *testing.T, options *rpc.Options, url string) *orders.Orders {
	t.Helper()
	database := store.Options{URL: url, MaxConnections: 8, ConnectTimeout: 3 * time.Second, StatementTimeout: 5 * time.Second}
	if _, err := store.Migrate(t.Context(), database, time.Minute); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	opened, err := store.New(t.Context(), database)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(opened.Close)
	options.Catalog = catalog.New(opened, uncached{}, time.Now)
	options.Auditor = opened.Audit()
	options.DeadLetters = &letters{}
	file, err := os.ReadFile("../../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := flags.New(t.Context(), flags.Options{Default: file, Store: opened})
	if err != nil {
		t.Fatalf("read the flags: %v", err)
	}
	options.Flags = loaded
	now := func() time.Time { return time.Now().Truncate(time.Microsecond) } // as Postgres keeps it
	rules := orders.New(orders.Options{Store: store.NewOrders(opened, unworked{}, now), Cache: uncached{}, Now: now})
	options.Orders = rules
	return rules
}

type uncached struct{}

func (uncached) Invalidate(context.Context, catalog.ID, int64) {}

// everyone gives flags that are the same for everyone, and no more than that.
func everyone(snapshot flags.Snapshot) rpc.Flags { return evaluated{snapshot: snapshot} }

type evaluated struct {
	rpc.Flags
	snapshot flags.Snapshot
}

func (e evaluated) Evaluate(context.Context, flags.Subject) flags.Snapshot { return e.snapshot }

func (s *service) dial(options ...grpc.DialOption) *grpc.ClientConn {
	s.t.Helper()
	conn, err := grpc.NewClient(s.address, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		s.t.Fatalf("make a client: %v", err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// The tokens that there are, beside the names of roles.
const (
	otherViewer = "other-viewer"
	expired     = "expired"
	unjudged    = "unjudged"
)

type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (auth.Principal, error) {
	principal := auth.Principal{
		Subject: "subject-of-" + token, Name: "Some " + token, Client: "tests", Role: auth.Role(token),
		Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	switch token {
	case string(auth.Viewer), string(auth.Editor), string(auth.Admin):
	case otherViewer:
		principal.Role = auth.Viewer
	case expired:
		return auth.Principal{}, &auth.Refused{Reason: auth.ReasonExpired}
	case unjudged:
		return auth.Principal{}, auth.ErrIssuerUnavailable
	default:
		return auth.Principal{}, &auth.Refused{Reason: auth.ReasonSignature}
	}
	return principal, nil
}

// as is the context of a call with a token, and other metadata by name and value.
func (s *service) as(token string, pairs ...string) context.Context {
	if token != "" {
		pairs = append(pairs, "authorization", "Bearer "+token)
	}
	return metadata.AppendToOutgoingContext(s.t.Context(), pairs...)
}

func (s *service) viewer() context.Context { return s.as(string(auth.Viewer)) }
func (s *service) editor() context.Context { return s.as(string(auth.Editor)) }
func (s *service) admin() context.Context  { return s.as(string(auth.Admin)) }

// refused checks a refusal and every detail that all have to have. fields are
// those at fault. It gives the details of ErrorInfo.
func refused(t *testing.T, err error, code codes.Code, reason string, fields ...string) map[string]string {
	t.Helper()
	got, _ := status.FromError(err)
	if got.Code() != code {
		t.Fatalf("code %s, want %s: %v", got.Code(), code, err)
	}
	var info *errdetails.ErrorInfo
	var request *errdetails.RequestInfo
	var retry *errdetails.RetryInfo
	var broken []string
	for _, detail := range got.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.RequestInfo:
			request = detail
		case *errdetails.RetryInfo:
			retry = detail
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				broken = append(broken, violation.GetField())
				if violation.GetDescription() == "" {
					t.Errorf("%s is at fault, but why isn't said", violation.GetField())
				}
			}
		}
	}
	if info.GetReason() != reason || info.GetDomain() != "pocctl" {
		t.Errorf("reason %s of %s, want %s of pocctl: %v", info.GetReason(), info.GetDomain(), reason, err)
	}
	if request.GetRequestId() == "" || got.Message() == "" {
		t.Errorf("the refusal has the request ID %q and the message %q", request.GetRequestId(), got.Message())
	}
	if diff := cmp.Diff(fields, broken); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
	temporary := code == codes.Unavailable || reason == "rate-limited"
	if has := retry.GetRetryDelay().AsDuration() > 0; has != temporary {
		t.Errorf("it says when to try again: %t, want %t", has, temporary)
	}
	return info.GetMetadata()
}

// must gives what a call that has to succeed gave.
func must[T any](response T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return response
	}
}

// watch keeps what an Observer is told.
type watch struct {
	mutex    sync.Mutex
	begun    []string
	ended    []rpc.Outcome
	contexts []context.Context
	panics   int
}

func (w *watch) CallBegins(method string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.begun = append(w.begun, method)
}

func (w *watch) CallEnds(ctx context.Context, outcome rpc.Outcome) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.ended = append(w.ended, outcome)
	w.contexts = append(w.contexts, ctx)
}

func (w *watch) Panic() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.panics++
}

// outcome waits for the call with the request ID to end.
func (w *watch) outcome(t *testing.T, id string) (found rpc.Outcome, ctx context.Context) {
	t.Helper()
	eventually(t, "the observer to be told of the call "+id, func() bool {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		i := slices.IndexFunc(w.ended, func(o rpc.Outcome) bool { return o.RequestID == id })
		if i >= 0 {
			found, ctx = w.ended[i], w.contexts[i]
		}
		return i >= 0
	})
	return found, ctx
}

// eventually polls until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !so() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// broken is a catalog whose reads fail.
type broken struct {
	rpc.Catalog
	get func(ctx context.Context) error
}

func (b broken) Get(ctx context.Context, _ catalog.ID) (catalog.Product, error) {
	return catalog.Product{}, b.get(ctx)
}

// breaking replaces the catalog by one whose Get gives what get does.
func breaking(get func(ctx context.Context) error) func(*rpc.Options) {
	return func(o *rpc.Options) { o.Catalog = broken{o.Catalog, get} }
}

var errSecret = errors.New("password=secret")

const someID = "01a20613-1950-798d-b43b-e4a07f126418"

func (s *service) get(ctx context.Context, options ...grpc.CallOption) error {
	_, err := s.catalog.GetProduct(ctx, &pocctlv1.GetProductRequest{Id: someID}, options...)
	return err
}
