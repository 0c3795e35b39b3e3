package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/flags"
)

const (
	requestIDHeader = "X-Request-Id"
	cacheHeader     = "X-Cache"
)

// request is what is known of the request under way.
type request struct {
	id        string
	method    string // folded: a made-up one is OTHER
	path      string
	began     time.Time
	writer    gin.ResponseWriter
	address   netip.Addr // the client's
	principal auth.Principal
	flags     flags.Snapshot
	cache     string // hit or miss, if the cache was asked
	cause     error  // of a refusal
}

func (r *request) header(name, value string) { r.writer.Header().Set(name, value) }

type requestKey struct{}

// requestOf gives the request under way. Without one, it is a mistake of ours.
func requestOf(ctx context.Context) *request {
	return ctx.Value(requestKey{}).(*request) // every route goes through observe
}

// acceptRequestID takes a caller's ID if it is safe to log and repeat, or makes one.
func acceptRequestID(given string) string {
	if given == "" || len(given) > 128 {
		return newRequestID()
	}
	for _, r := range []byte(given) {
		safe := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
		if !safe {
			return newRequestID()
		}
	}
	return given
}

func newRequestID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil.String()
	}
	return id.String()
}

// route is the pattern that matched: paths themselves would be labels without end.
func route(c *gin.Context) string {
	if path := c.FullPath(); path != "" {
		return path
	}
	return "unmatched"
}

// method keeps made-up methods from becoming labels.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions:
		return name
	}
	return "_OTHER"
}

// isOperational tells what operators and probes ask for from the API itself:
// it is never limited, shed, or made to fail on purpose.
func isOperational(route string) bool {
	switch route {
	case "/healthz", "/readyz", "/metrics", "/version":
		return true
	}
	return false
}
