package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	requestIDHeader = "X-Request-Id"
	requestIDKey    = "request_id"
	cacheHeader     = "X-Cache"
)

// observe gives the request its ID, and has it logged and measured.
func (s *server) observe(c *gin.Context) {
	began := time.Now()
	done := s.Metrics.RequestBegins()
	id := acceptRequestID(c.GetHeader(requestIDHeader))
	c.Set(requestIDKey, id)
	c.Header(requestIDHeader, id)
	c.Header("X-Content-Type-Options", "nosniff")
	if s.Draining() {
		c.Header("Connection", "close")
	}
	c.Next()
	took := time.Since(began)
	done(method(c.Request.Method), route(c), c.Writer.Status(), took)
	s.log(c, id, took)
}

func (s *server) log(c *gin.Context, id string, took time.Duration) {
	level := zapcore.InfoLevel
	switch status := c.Writer.Status(); {
	case status >= http.StatusInternalServerError && c.FullPath() != "/readyz":
		level = zapcore.ErrorLevel
	case isProbe(c.FullPath()):
		level = zapcore.DebugLevel
	}
	entry := s.Logger.Check(level, "request")
	if entry == nil {
		return
	}
	fields := []zap.Field{
		zap.String("request_id", id),
		zap.String("method", c.Request.Method),
		zap.String("path", c.Request.URL.Path),
		zap.String("route", route(c)),
		zap.Int("status", c.Writer.Status()),
		zap.Int("bytes", max(0, c.Writer.Size())),
		zap.Duration("seconds", took),
		zap.String("remote", c.Request.RemoteAddr),
	}
	if cached := c.Writer.Header().Get(cacheHeader); cached != "" {
		fields = append(fields, zap.String("cache", cached))
	}
	if problem := c.Errors.Last(); problem != nil {
		fields = append(fields, zap.Error(problem.Err))
	}
	entry.Write(fields...)
}

// recover answers a panic with 500, and goes on.
func (s *server) recover(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, isError := cause.(error); isError && errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
		s.Metrics.Panic()
		s.Logger.Error("panic", zap.String("request_id", requestID(c)), zap.Any("cause", cause), zap.ByteString("stack", debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // too late for an answer: let the client see that it is cut short
		}
		s.refuse(c, fmt.Errorf("panic: %v", cause))
	}()
	c.Next()
}

// limit bounds the work on a request.
func (s *server) limit(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.RequestTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
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

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

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
	return "OTHER"
}

func isProbe(route string) bool {
	return route == "/healthz" || route == "/readyz" || route == "/metrics"
}
