package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Build says which build of the service this is.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Date    string `json:"date"` // RFC 3339
	Go      string `json:"go"`
}

// The states of readiness and of what it looks at.
const (
	Ready    = "ready"
	Degraded = "degraded" // ready, but slower than it should be
	NotReady = "not-ready"

	CheckOK       = "ok"
	CheckFailed   = "failed"
	CheckDisabled = "disabled"
)

// Readiness is whether the process can take requests, and why not.
type Readiness struct {
	Status     string     `json:"status"`
	Detail     string     `json:"detail,omitempty"`
	Database   Check      `json:"database"`
	Migrations Migrations `json:"migrations"`
	Cache      Check      `json:"cache"`
	Queue      Check      `json:"queue"`
	Issuer     Check      `json:"issuer"`
	Flags      Check      `json:"flags"`
}

// Check is one thing that readiness looks at.
type Check struct {
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Migrations compares the database's schema with the one this build was made for.
type Migrations struct {
	Check
	Current int64 `json:"current"`
	Head    int64 `json:"head"`
}

// Probes are the routes that operators and probes ask for. A worker, which has
// no API, serves these alone.
type Probes struct {
	// Readiness is asked on every /readyz.
	Readiness func(context.Context) Readiness
	// Metrics serves /metrics.
	Metrics http.Handler
	Build   Build
}

// Handler serves the probes alone.
func (p Probes) Handler() http.Handler {
	gin.SetMode(gin.ReleaseMode) // or gin prints its routes to stdout
	engine := gin.New()
	engine.Use(gin.Recovery())
	p.add(engine)
	return engine
}

func (p Probes) add(engine *gin.Engine) {
	read(engine, "/healthz", health)
	read(engine, "/readyz", p.ready)
	read(engine, "/version", p.version)
	read(engine, "/metrics", gin.WrapH(p.Metrics))
}

// health says that the process answers, and nothing of what it depends on: a
// restart mends none of that.
func health(c *gin.Context) {
	c.JSON(http.StatusOK, Check{Status: CheckOK})
}

func (p Probes) ready(c *gin.Context) {
	readiness := p.Readiness(c.Request.Context())
	status := http.StatusOK
	if readiness.Status == NotReady {
		status = http.StatusServiceUnavailable
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(status, readiness)
}

func (p Probes) version(c *gin.Context) {
	c.JSON(http.StatusOK, p.Build)
}

// read answers HEAD wherever it answers GET; net/http leaves the body out.
func read(routes gin.IRoutes, path string, handler gin.HandlerFunc) {
	routes.GET(path, handler)
	routes.HEAD(path, handler)
}
