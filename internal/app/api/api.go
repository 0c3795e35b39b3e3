// Package api is the service's HTTP surface: REST under /api/v1, and what
// operators and probes ask for beside it.
package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// Catalog is what the API offers over HTTP.
type Catalog interface {
	Create(ctx context.Context, draft catalog.Draft) (catalog.Product, error)
	Get(ctx context.Context, id catalog.ID) (catalog.Product, error)
	List(ctx context.Context, after catalog.ID, limit int) (catalog.Page, error)
	Search(ctx context.Context, query string, limit int) ([]catalog.Product, error)
	Replace(ctx context.Context, id catalog.ID, draft catalog.Draft, expected int64) (catalog.Product, error)
	Delete(ctx context.Context, id catalog.ID, expected int64) error
}

// Cache keeps products as they are answered.
type Cache interface {
	Fetch(ctx context.Context, id catalog.ID, load cache.Load) (cache.Entry, cache.Result, error)
}

// Options of the API. All fields are needed.
type Options struct {
	Catalog Catalog
	Cache   Cache
	Logger  *zap.Logger
	Metrics *telemetry.Metrics
	// Readiness is asked on every /readyz.
	Readiness func(context.Context) Readiness
	// Draining turns true when the process is about to stop: from then on
	// clients are asked to take their next request to another connection.
	Draining func() bool
	// RequestTimeout bounds the work on one request.
	RequestTimeout time.Duration
	Build          Build
}

type server struct{ Options }

// New makes the handler of all routes.
func New(options Options) http.Handler {
	gin.SetMode(gin.ReleaseMode) // or gin prints its routes to stdout
	s := &server{options}
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.Use(s.observe, s.limit, s.recover)
	engine.NoRoute(func(c *gin.Context) { s.refuse(c, newProblem(codeNoRoute, "there is nothing at this path")) })
	engine.NoMethod(func(c *gin.Context) {
		s.refuse(c, newProblem(codeMethod, "this path takes %s", c.Writer.Header().Get("Allow")))
	})

	read(engine, "/healthz", s.health)
	read(engine, "/readyz", s.ready)
	read(engine, "/version", s.version)
	read(engine, "/metrics", gin.WrapH(s.Metrics.Handler()))

	products := engine.Group(productsPath)
	read(products, "", s.listProducts)
	read(products, "/search", s.searchProducts)
	read(products, "/:id", s.getProduct)
	products.POST("", s.createProduct)
	products.PUT("/:id", s.replaceProduct)
	products.DELETE("/:id", s.deleteProduct)
	return engine
}

// read answers HEAD wherever it answers GET; net/http leaves the body out.
func read(routes gin.IRoutes, path string, handler gin.HandlerFunc) {
	routes.GET(path, handler)
	routes.HEAD(path, handler)
}
