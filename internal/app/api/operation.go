package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// operation is one entry of the API: what the document says of it, and who may
// use it. Its name is the one that the policy knows.
type operation struct {
	name    string
	method  string
	path    string
	summary string
	detail  string
	tag     string
	success int
	// refusals are the statuses, beside the common ones, that it may answer with.
	refusals []int
	bodiless bool // a POST or PUT that takes no body
	// raw is the type of a body that is written as bytes, with 304 for who has it.
	raw reflect.Type
}

// maxBody holds the longest valid request with every character escaped.
const maxBody = 64 << 10

// scheme is the name of the document's one security scheme.
const scheme = "oidc"

// register adds an operation. One that the policy doesn't know is a mistake of
// ours, found when the first test makes the API.
func register[I, O any](s *server, op operation, handle func(context.Context, *I) (*O, error)) {
	least, known := s.policy[op.name]
	if !known {
		panic("no policy names the operation " + op.name)
	}
	huma.Register(s.huma, s.describe(op, least), func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, input)
		if err != nil {
			return nil, s.answerFor(ctx, err)
		}
		return output, nil
	})
}

func (s *server) describe(op operation, least auth.Role) huma.Operation {
	described := huma.Operation{
		OperationID: op.name, Method: op.method, Path: op.path,
		Summary: op.summary, Description: op.detail, Tags: []string{op.tag},
		DefaultStatus:                op.success,
		MaxBodyBytes:                 maxBody + 1, // the reader refuses at its limit
		BodyReadTimeout:              -1,          // the server has one for the whole request
		RejectUnknownQueryParameters: true,
		Security:                     []map[string][]string{},
		Responses:                    map[string]*huma.Response{},
	}
	statuses := append([]int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}, op.refusals...)
	if least != auth.Anonymous {
		described.Security = append(described.Security, map[string][]string{scheme: {string(least)}})
		described.Extensions = map[string]any{"x-least-role": string(least)}
	}
	if least.Allows(auth.Editor) { // a token that gives no role at all is refused before
		statuses = append(statuses, http.StatusForbidden)
	}
	if (op.method == http.MethodPost || op.method == http.MethodPut) && !op.bodiless {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	for _, status := range statuses {
		described.Responses[strconv.Itoa(status)] = s.refusal(status)
	}
	if op.raw != nil {
		schema := s.huma.OpenAPI().Components.Schemas.Schema(op.raw, true, "")
		described.Responses[strconv.Itoa(op.success)] = &huma.Response{
			Description: http.StatusText(op.success), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
		described.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{Description: "It is still as If-None-Match has it"}
	}
	return described
}

// refusal is how the document describes an answer that is a problem.
func (s *server) refusal(status int) *huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(problemType(), true, "Problem")
	described := &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{problemMedia: {Schema: schema}},
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		described.Headers = map[string]*huma.Param{"WWW-Authenticate": textHeader("What is wanted, as in RFC 6750.")}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		described.Headers = map[string]*huma.Param{"Retry-After": textHeader("Seconds until another try makes sense.")}
	}
	return described
}

func textHeader(description string) *huma.Param {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
}

// authorize refuses who may not use the operation.
func (s *server) authorize(ctx huma.Context, next func(huma.Context)) {
	if err := auth.Authorize(requestOf(ctx.Context()).principal, ctx.Operation().OperationID); err != nil {
		s.tellRefused(ctx.Context(), ctx.Operation().OperationID, err)
		s.refuse(humagin.Unwrap(ctx), err)
		return
	}
	next(ctx)
}

// requireJSON refuses a body of any other type, and one without a type.
func (s *server) requireJSON(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().RequestBody != nil && !isJSON(ctx.Header("Content-Type")) {
		s.refuse(humagin.Unwrap(ctx), newProblem(codeMediaType, "send Content-Type: application/json").about("Content-Type"))
		return
	}
	next(ctx)
}

// answerFor makes the answer to a handler's error.
func (s *server) answerFor(ctx context.Context, err error) error {
	r := requestOf(ctx)
	r.cause = err
	p := problemOf(r.method, err).at(r)
	if errors.Is(context.Cause(ctx), context.Canceled) {
		p.Status = statusClientGone
	}
	return p
}
