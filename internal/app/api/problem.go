package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// code names one kind of refusal. Clients match on it: it is never renamed.
type code string

const (
	codeMalformedBody   code = "malformed-body"
	codeUnknownField    code = "unknown-field"
	codeDuplicateField  code = "duplicate-field"
	codeWrongType       code = "wrong-type"
	codeParameter       code = "invalid-parameter"
	codeNoRoute         code = "no-such-route"
	codeNotFound        code = "product-not-found"
	codeMethod          code = "method-not-allowed"
	codeSKUTaken        code = "sku-taken"
	codeVersionMismatch code = "version-mismatch"
	codeTooLarge        code = "body-too-large"
	codeMediaType       code = "unsupported-media-type"
	codeInvalid         code = "invalid-value"
	codeInternal        code = "internal"
	codeUnavailable     code = "store-unavailable"
)

// describe gives a code's HTTP status and title.
func (c code) describe() (status int, title string) {
	switch c {
	case codeMalformedBody:
		return http.StatusBadRequest, "The body isn't one JSON object"
	case codeUnknownField:
		return http.StatusBadRequest, "The body has a field that isn't known"
	case codeDuplicateField:
		return http.StatusBadRequest, "The body has a field twice"
	case codeWrongType:
		return http.StatusBadRequest, "A field has a value of the wrong type"
	case codeParameter:
		return http.StatusBadRequest, "A parameter can't be used"
	case codeNoRoute:
		return http.StatusNotFound, "Nothing here"
	case codeNotFound:
		return http.StatusNotFound, "No such product"
	case codeMethod:
		return http.StatusMethodNotAllowed, "Method not allowed"
	case codeSKUTaken:
		return http.StatusConflict, "The SKU is taken"
	case codeVersionMismatch:
		return http.StatusPreconditionFailed, "The product has changed"
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge, "The body is too large"
	case codeMediaType:
		return http.StatusUnsupportedMediaType, "The body isn't application/json"
	case codeInvalid:
		return http.StatusUnprocessableEntity, "A value breaks the rules"
	case codeUnavailable:
		return http.StatusServiceUnavailable, "The product store can't be reached"
	case codeInternal:
	}
	return http.StatusInternalServerError, "Something went wrong on our side"
}

// problem is an answer as RFC 9457 has it, with members of our own: code,
// request_id, and the field or parameter at fault.
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Instance  string       `json:"instance"`
	Code      code         `json:"code"`
	RequestID string       `json:"request_id"`
	Field     string       `json:"field,omitempty"`
	Errors    []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

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

func (p *problem) Error() string { return p.Detail }

// problemOf finds the answer to an error of the catalog.
func problemOf(method string, err error) *problem {
	var ours *problem
	var invalid catalog.Invalid
	var mismatch *catalog.VersionMismatch
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &invalid):
		return invalidProblem(method, invalid)
	case errors.As(err, &mismatch):
		return newProblem(codeVersionMismatch, "%s", mismatch).about("If-Match")
	case errors.Is(err, catalog.ErrNotFound):
		return newProblem(codeNotFound, "there is no product with this id").about("id")
	case errors.Is(err, catalog.ErrSKUTaken):
		return newProblem(codeSKUTaken, "another product has this sku").about("sku")
	case errors.Is(err, catalog.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return newProblem(codeUnavailable, "try again in a moment")
	}
	return newProblem(codeInternal, "the request_id finds the cause in the logs")
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

// refuse answers with err as a problem and ends the request.
func (s *server) refuse(c *gin.Context, err error) {
	c.Abort()
	_ = c.Error(err) // for the access log
	if errors.Is(c.Request.Context().Err(), context.Canceled) {
		c.Status(statusClientGone)
		return
	}
	p := *problemOf(c.Request.Method, err)
	p.Instance = c.Request.URL.Path
	p.RequestID = requestID(c)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // the type can always be written
	}
	var mismatch *catalog.VersionMismatch
	if errors.As(c.Errors.Last(), &mismatch) {
		c.Header("ETag", etag(mismatch.Actual))
	}
	if p.Status == http.StatusServiceUnavailable {
		c.Header("Retry-After", strconv.Itoa(1))
	}
	c.Header("Cache-Control", "no-store")
	c.Data(p.Status, "application/problem+json", body)
}
