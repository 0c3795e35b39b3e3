package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
)

// Admission decides who gets in. Its parts may be nil, and then let everybody in.
type Admission struct {
	Proxies  limits.Proxies
	Throttle *limits.Throttle
	Limiter  *limits.Limiter
	Shedder  *limits.Shedder
	Faults   *faults.Injector
}

// throttle finds out the client's address, and holds it to its rate.
func (s *server) throttle(c *gin.Context) {
	if isOperational(c.FullPath()) {
		return
	}
	admission := &s.Admission
	address, err := admission.Proxies.ClientAddress(c.Request.RemoteAddr, c.Request.Header[admission.Proxies.Header()])
	if err != nil {
		s.refuse(c, newProblem(codeParameter, "the list of addresses can't be read").about(admission.Proxies.Header()).because(err))
		return
	}
	requestOf(c.Request.Context()).address = address
	if admission.Throttle == nil {
		return
	}
	if decision := admission.Throttle.Allow(address); !decision.Allowed {
		s.refuse(c, tooMany(decision, "too many requests from this address"))
	}
}

// identify finds out who calls. A token that is no good is refused whatever is
// asked, or its bearer would wonder why nothing is theirs.
func (s *server) identify(c *gin.Context) {
	if isOperational(c.FullPath()) {
		return
	}
	r := requestOf(c.Request.Context())
	if values := c.Request.Header["Authorization"]; len(values) > 0 {
		who, err := s.verify(c, values, limits.Client{Address: r.address})
		if err != nil {
			s.refuse(c, err)
			return
		}
		r.principal = who
	}
	r.flags = s.Flags.Evaluate(c.Request.Context(), flags.Subject{
		Role: string(r.principal.Role), Subject: r.principal.Subject, Address: addressText(r.address),
	})
}

// verify checks the token. Addresses that fail too often have to wait.
func (s *server) verify(c *gin.Context, values []string, client limits.Client) (auth.Principal, error) {
	limiter := s.Admission.Limiter
	if limiter != nil {
		if decision := limiter.Peek(client, limits.AuthFailure); !decision.Allowed {
			return auth.Principal{}, tooMany(decision, "too many refused tokens from this address")
		}
	}
	token, _, err := auth.FromHeader(values)
	var who auth.Principal
	if err == nil {
		who, err = s.Verifier.Verify(c.Request.Context(), token)
	}
	var refused *auth.Refused
	if limiter != nil && errors.As(err, &refused) {
		limiter.Allow(c.Request.Context(), client, limits.AuthFailure)
	}
	return who, err
}

// allow holds the client to its rate.
func (s *server) allow(c *gin.Context) {
	r := requestOf(c.Request.Context())
	if s.Admission.Limiter == nil || !r.flags.RateLimiting || isOperational(c.FullPath()) {
		return
	}
	client := limits.Client{Subject: r.principal.Subject, Role: string(r.principal.Role), Address: r.address}
	class := limits.Write
	if isRead(c.Request.Method) {
		class = limits.Read
	}
	decision := s.Admission.Limiter.Allow(c.Request.Context(), client, class)
	decision.Header(c.Writer.Header())
	if !decision.Allowed {
		s.refuse(c, tooMany(decision, "too many requests"))
	}
}

// shed refuses what there is no room for.
func (s *server) shed(c *gin.Context) {
	lane := laneOf(c.Request.Method, c.FullPath())
	if s.Admission.Shedder == nil || lane == "" {
		return
	}
	ctx := c.Request.Context() // that of handlers ends with them
	permit, err := s.Admission.Shedder.Acquire(ctx, lane)
	if err != nil {
		p := newProblem(codeOverloaded, "there is no room for more now").because(err)
		var overloaded *limits.Overloaded
		if errors.As(err, &overloaded) {
			p = p.retryIn(overloaded.RetryAfter)
		}
		s.refuse(c, p)
		return
	}
	learn := false // nothing can be learned from a panic
	defer func() { permit.Release(learn) }()
	c.Next()
	learn = !errors.Is(ctx.Err(), context.Canceled)
}

// inject makes the request wait or fail on purpose.
func (s *server) inject(c *gin.Context) {
	if s.Admission.Faults == nil {
		return
	}
	ctx := c.Request.Context()
	delay, status := s.Admission.Faults.Decide(c.FullPath(), requestOf(ctx).flags.Faults)
	if err := faults.Wait(ctx, delay); err != nil {
		s.refuse(c, err)
		return
	}
	if status != 0 {
		p := newProblem(codeInjected, "by configuration, or by the flag fault-injection")
		p.Status = status
		s.refuse(c, p)
	}
}

func tooMany(decision limits.Decision, detail string) *problem {
	return newProblem(codeRateLimited, "%s", detail).retryIn(decision.RetryAfter)
}

// laneOf is which kind of work a route is; none for what is never shed.
func laneOf(method, route string) limits.Lane {
	switch {
	case !strings.HasPrefix(route, "/api/"):
		return ""
	case strings.HasPrefix(route, adminPath):
		return limits.Admin
	case !isRead(method):
		return limits.Change
	case strings.HasSuffix(route, "/:id"):
		return limits.Point
	}
	return limits.Query
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}
