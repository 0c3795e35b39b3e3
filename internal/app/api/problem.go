package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
)

const problemMedia = "application/problem+json"

// problem is an answer as RFC 9457 has it, with members of our own: code,
// request_id, and the field or parameter at fault.
type problem struct {
	Type      string       `json:"type" doc:"A URN that names the kind of problem"`
	Title     string       `json:"title" doc:"The kind of problem, in words"`
	Status    int          `json:"status" doc:"The HTTP status"`
	Detail    string       `json:"detail" doc:"What is wrong with this request"`
	Instance  string       `json:"instance" doc:"The path of the request"`
	Code      code         `json:"code" doc:"Names the kind of problem; never renamed"`
	RequestID string       `json:"request_id" doc:"Finds the request in logs and traces"`
	Field     string       `json:"field,omitempty" doc:"The field, parameter or header at fault"`
	Errors    []fieldError `json:"errors,omitempty" doc:"Every broken rule"`

	header http.Header
	cause  error
}

type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func problemType() reflect.Type { return reflect.TypeFor[problem]() }

func newProblem(code code, detail string, args ...any) *problem {
	status, title := code.describe()
	return &problem{
		Type:   "urn:pocctl:problem:" + string(code),
		Title:  title,
		Status: status,
		Detail: fmt.Sprintf(detail, args...),
		Code:   code,
	}
}

func (p *problem) about(field string) *problem {
	p.Field = field
	return p
}

// because keeps the cause for the log.
func (p *problem) because(err error) *problem {
	p.cause = err
	return p
}

// with adds a header to the answer.
func (p *problem) with(name, value string) *problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// retryIn tells the client when another try makes sense.
func (p *problem) retryIn(wait time.Duration) *problem {
	return p.with("Retry-After", strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second))))
}

// at makes the problem that of a request.
func (p *problem) at(r *request) *problem {
	placed := *p
	placed.Instance, placed.RequestID = r.path, r.id
	return placed.with("Cache-Control", "no-store")
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) Unwrap() error             { return p.cause }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) GetHeaders() http.Header   { return p.header }
func (p *problem) ContentType(string) string { return problemMedia }

// problemOf finds the answer to an error of the domain.
func problemOf(method string, err error) *problem {
	var ours *problem
	if errors.As(err, &ours) {
		return ours
	}
	for _, find := range []func(method string, err error) *problem{authProblem, catalogProblem, orderProblem, adminProblem} {
		if found := find(method, err); found != nil {
			return found
		}
	}
	if errors.Is(err, catalog.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return newProblem(codeUnavailable, "try again in a moment").retryIn(time.Second)
	}
	return newProblem(codeInternal, "the request_id finds the cause in the logs")
}

func catalogProblem(method string, err error) *problem {
	var invalid catalog.Invalid
	var mismatch *catalog.VersionMismatch
	switch {
	case errors.As(err, &invalid):
		return invalidProblem(method, invalid)
	case errors.As(err, &mismatch):
		return newProblem(codeVersionMismatch, "%s", mismatch).about("If-Match").with("ETag", etag(mismatch.Actual))
	case errors.Is(err, catalog.ErrNotFound):
		return newProblem(codeNotFound, "there is no product with this id").about("id")
	case errors.Is(err, catalog.ErrSKUTaken):
		return newProblem(codeSKUTaken, "another product has this sku").about("sku")
	}
	return nil
}

func orderProblem(_ string, err error) *problem {
	var state *orders.StateError
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return newProblem(codeOrderNotFound, "there is no order of yours with this id").about("id")
	case errors.Is(err, orders.ErrKeyReused):
		return newProblem(codeKeyReused, "this key was used for another order: take a new one").about("Idempotency-Key")
	case errors.As(err, &state):
		return newProblem(codeOrderState, "%s", state)
	case errors.Is(err, orders.ErrBusy):
		return newProblem(codeQueueFull, "too many orders are waiting to be worked on").retryIn(queueRetry)
	}
	return nil
}

// queueRetry is how long a client of a full queue is told to wait.
const queueRetry = 5 * time.Second

func authProblem(_ string, err error) *problem {
	var refused *auth.Refused
	var forbidden *auth.Forbidden
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return newProblem(codeUnauthenticated, "send Authorization: Bearer with a token of the issuer").
			about("Authorization").with("WWW-Authenticate", auth.Challenge(err))
	case errors.As(err, &refused):
		return newProblem(codeInvalidToken, "the token is refused: %s", refused.Reason).
			about("Authorization").with("WWW-Authenticate", auth.Challenge(err))
	case errors.As(err, &forbidden):
		return newProblem(codeForbidden, "this needs the role %s", forbidden.Needs).
			with("WWW-Authenticate", auth.Challenge(err))
	case errors.Is(err, auth.ErrAuditUnavailable):
		return newProblem(codeAuditUnavailable, "it can't be written to the audit log now").retryIn(time.Second)
	case errors.Is(err, auth.ErrIssuerUnavailable):
		return newProblem(codeIssuerUnavailable, "the token can't be checked now").retryIn(time.Second)
	}
	return nil
}

func adminProblem(method string, err error) *problem {
	var invalid *flags.Invalid
	switch {
	case errors.Is(err, flags.ErrNoFlag):
		return newProblem(codeFlagNotFound, "there is no flag with this key").about("key")
	case errors.As(err, &invalid):
		field := invalid.Field
		if field == "ttl" {
			field = "seconds" // as it is in the body
		}
		return invalidProblem(method, catalog.Invalid{{Field: field, Detail: invalid.Detail}})
	case errors.Is(err, queue.ErrNoDeadLetter):
		return newProblem(codeDeadLetterNotFound, "there is no dead letter with this id").about("id")
	}
	return nil
}

func invalidProblem(method string, invalid catalog.Invalid) *problem {
	kind := codeInvalid
	if method == http.MethodGet || method == http.MethodHead {
		kind = codeParameter // it came in the query
	}
	p := newProblem(kind, "%s", invalid).about(invalid[0].Field)
	for _, violation := range invalid {
		p.Errors = append(p.Errors, fieldError(violation))
	}
	return p
}

// statusClientGone is what logs and metrics say of a client that didn't wait;
// nginx made the number customary.
const statusClientGone = 499
