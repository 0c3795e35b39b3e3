// Package api is the service's HTTP surface: REST under /api/v1 with its OpenAPI
// document, and what operators and probes ask for beside it.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
)

// Catalog is what can be done with products.
type Catalog interface {
	Create(ctx context.Context, draft catalog.Draft) (catalog.Product, error)
	Get(ctx context.Context, id catalog.ID) (catalog.Product, error)
	List(ctx context.Context, query catalog.Query) (catalog.Page, error)
	Search(ctx context.Context, search catalog.Search) (catalog.Matches, error)
	Replace(ctx context.Context, id catalog.ID, draft catalog.Draft, expected int64) (catalog.Product, error)
	Delete(ctx context.Context, id catalog.ID, expected int64) error
}

// Orders is what can be done with orders.
type Orders interface {
	Place(ctx context.Context, actor orders.Actor, key string, draft orders.Draft) (order orders.Order, replayed bool, err error)
	Get(ctx context.Context, actor orders.Actor, id orders.ID) (orders.Order, error)
	List(ctx context.Context, actor orders.Actor, query orders.Query) (orders.Page, error)
	Cancel(ctx context.Context, actor orders.Actor, id orders.ID) (orders.Order, error)
}

// Cache keeps products as they are answered.
type Cache interface {
	Fetch(ctx context.Context, id catalog.ID, load cache.Load) (cache.Entry, cache.Result, error)
	Bypass(ctx context.Context, id catalog.ID, load cache.Load) (cache.Entry, cache.Result, error)
}

// DeadLetters are jobs that were given up.
type DeadLetters interface {
	ListDeadLetters(ctx context.Context, limit int) ([]queue.DeadLetter, error)
	Requeue(ctx context.Context, id string) error
}

// Flags are the feature flags.
type Flags interface {
	Evaluate(ctx context.Context, subject flags.Subject) flags.Snapshot
	List(ctx context.Context) []flags.State
	SetOverride(ctx context.Context, key string, value json.RawMessage, reason, by string, ttl time.Duration) (flags.State, error)
	ClearOverride(ctx context.Context, key string) error
}

// Objectives are what the service is held to.
type Objectives interface {
	List(ctx context.Context) ([]objectives.State, error)
}

// Verifier checks tokens.
type Verifier interface {
	Verify(ctx context.Context, token string) (auth.Principal, error)
}

// Observer is told of every request.
type Observer interface {
	// Begin is told of a request to a route, and gives its context. The function
	// is called once, when the answer is written.
	Begin(r *http.Request, route string) (context.Context, func(Outcome))
	// Panic is told of a handler's panic.
	Panic()
}

// Outcome is what became of a request.
type Outcome struct {
	RequestID string
	Method    string // made-up ones are _OTHER
	Path      string
	Route     string // the pattern that matched, or "unmatched"
	Status    int    // 499 if the client didn't wait
	Bytes     int
	Took      time.Duration
	Address   string // the client's
	User      string // the token's subject
	Flags     flags.Snapshot
	Cache     string // hit or miss, if the cache was asked
	Err       error  // why it was refused
}

// Options of the API. All fields are needed.
type Options struct {
	Catalog     Catalog
	Orders      Orders
	Cache       Cache
	DeadLetters DeadLetters
	Flags       Flags
	Objectives  Objectives
	Auditor     auth.Auditor
	Verifier    Verifier
	Admission   Admission
	Observer    Observer
	Logger      *zap.Logger
	Probes      Probes
	// Draining turns true when the process is about to stop: from then on
	// clients are asked to take their next request to another connection.
	Draining func() bool
	// RequestTimeout bounds the work on one request.
	RequestTimeout time.Duration
	// IssuerURL is where tokens come from, for the document; it may be empty.
	IssuerURL string
}

type server struct {
	Options
	huma   huma.API
	policy map[string]auth.Role
}

// New makes the handler of all routes.
func New(options Options) http.Handler {
	answerWithProblems()
	gin.SetMode(gin.ReleaseMode) // or gin prints its routes to stdout
	s := &server{Options: options, policy: auth.Operations()}
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.Use(s.observe, s.recover, s.throttle, s.identify, s.allow, s.shed, s.inject)
	engine.NoRoute(func(c *gin.Context) { s.refuse(c, newProblem(codeNoRoute, "there is nothing at this path")) })
	engine.NoMethod(func(c *gin.Context) {
		s.refuse(c, newProblem(codeMethod, "this path takes %s", c.Writer.Header().Get("Allow")))
	})
	s.Probes.add(engine)
	s.huma = humagin.New(engine, s.config())
	s.huma.UseMiddleware(s.authorize, s.requireJSON)
	s.productOperations()
	s.orderOperations()
	s.accountOperations()
	s.objectiveOperations()
	s.adminOperations()
	s.documents(engine)
	answerHead(engine)
	return engine
}

// answerHead has the API answer HEAD wherever it answers GET; net/http leaves
// the body out.
func answerHead(engine *gin.Engine) {
	there := map[string]bool{}
	for _, route := range engine.Routes() {
		there[route.Method+route.Path] = true
	}
	for _, route := range engine.Routes() {
		if route.Method == http.MethodGet && !there[http.MethodHead+route.Path] {
			engine.HEAD(route.Path, route.HandlerFunc)
		}
	}
}

func (s *server) config() huma.Config {
	openID := s.IssuerURL
	if openID != "" {
		openID += "/.well-known/openid-configuration"
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "pocctl service", Version: s.Probes.Build.Version,
				Description: "A catalog of products and orders for them. Reading products needs no token.",
				License:     &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "/"}},
			Tags: []*huma.Tag{
				{Name: tagProducts, Description: "What is for sale."}, {Name: tagOrders, Description: "What was ordered, and what became of it."},
				{Name: "Account", Description: "The caller."}, {Name: tagObjectives, Description: "What the service is held to."},
				{Name: tagAdmin, Description: "For admins; every change is written to the audit log."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{scheme: {
					Type: "http", Scheme: "bearer", BearerFormat: "JWT",
					Description: "A token of the OpenID Connect issuer " + openID,
				}},
			},
		},
		// The second is for problem+json, of answers: requireJSON is before it.
		Formats:       map[string]huma.Format{"application/json": strictJSON(), "json": strictJSON()},
		DefaultFormat: "application/json",
	}
}
