package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// observe makes the request known to all that follow, bounds the work on it, and has it
// traced, logged and measured.
func (s *server) observe(c *gin.Context) {
	r := &request{
		id: acceptRequestID(c.GetHeader(requestIDHeader)), method: method(c.Request.Method), path: c.Request.URL.Path,
		began: time.Now(), writer: c.Writer,
	}
	ctx, end := s.Observer.Begin(c.Request, route(c))
	ctx = context.WithValue(ctx, requestKey{}, r)
	bounded := withDeadline(ctx, r.began.Add(s.RequestTimeout))
	defer bounded.release()
	c.Request = c.Request.WithContext(bounded)
	header := c.Writer.Header()
	header[requestIDHeader] = []string{r.id}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	if s.Draining() {
		header["Connection"] = []string{"close"}
	}
	// An answer that is cut short by a panic is told of too.
	defer func() {
		status := c.Writer.Status()
		if errors.Is(ctx.Err(), context.Canceled) && r.cause != nil {
			status = statusClientGone
		}
		end(Outcome{
			RequestID: r.id, Method: r.method, Path: r.path, Route: route(c), Status: status, Bytes: max(0, c.Writer.Size()),
			Took: time.Since(r.began), Address: addressText(r.address), User: r.principal.Subject, Flags: r.flags, Cache: r.cache, Err: r.cause,
		})
	}()
	c.Next()
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
		r := requestOf(c.Request.Context())
		s.Observer.Panic()
		s.Logger.Error("panic", zap.String("request_id", r.id),
			zap.Stringer("trace_id", trace.SpanContextFromContext(c.Request.Context()).TraceID()),
			zap.Any("cause", cause), zap.ByteString("stack", debug.Stack()))
		if c.Writer.Written() {
			r.cause = fmt.Errorf("panic: %v", cause)
			panic(http.ErrAbortHandler) // too late for an answer: let the client see that it is cut short
		}
		s.refuse(c, fmt.Errorf("panic: %v", cause))
	}()
	c.Next()
}

// refuse answers with err as a problem and ends the request.
func (s *server) refuse(c *gin.Context, err error) {
	c.Abort()
	r := requestOf(c.Request.Context())
	r.cause = err
	p := problemOf(r.method, err).at(r)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // the type can always be written
	}
	for name, values := range p.header {
		c.Writer.Header()[name] = values
	}
	c.Data(p.Status, problemMedia, body)
}
