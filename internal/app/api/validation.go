package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/danielgtaylor/huma/v2/validation"
)

// answerWithProblems makes huma's own refusals problems of ours. It is huma's
// way to do so, and for the whole process. So is that names count by case.
var answerWithProblems = sync.OnceFunc(func() { //nolint:gochecknoglobals // as is what it sets
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		c := humagin.Unwrap(ctx)
		r := requestOf(ctx.Context())
		p := refusalProblem(status, errs).at(r)
		r.cause = p
		for name, values := range p.header {
			c.Writer.Header()[name] = values
		}
		return p
	}
})

// refusalProblem words what huma found wrong with a request.
func refusalProblem(status int, errs []error) *problem {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return newProblem(codeTooLarge, "the body may have %d bytes", maxBody)
	case http.StatusInternalServerError, http.StatusRequestTimeout: // of reading the body
		return newProblem(codeMalformedBody, "the body ended early")
	}
	details := make([]*huma.ErrorDetail, 0, len(errs))
	for _, err := range errs {
		if detailed, ok := err.(huma.ErrorDetailer); ok {
			details = append(details, detailed.ErrorDetail())
		}
	}
	if len(details) == 0 {
		return newProblem(codeMalformedBody, "the body must be a JSON object")
	}
	var found *problem
	for _, detail := range details {
		broken := violationOf(detail)
		if found == nil || rank(broken.code) < rank(found.Code) { // the gravest gives the code
			listed := fieldErrors(found)
			found = newProblem(broken.code, "%s", broken.detail).about(broken.field)
			found.Errors = listed
		}
		if broken.field != "" {
			found.Errors = append(found.Errors, fieldError{broken.field, broken.detail})
		}
	}
	if len(found.Errors) > 1 {
		parts := make([]string, len(found.Errors))
		for i, broken := range found.Errors {
			parts[i] = broken.Detail
		}
		found.Detail = strings.Join(parts, "; ")
	}
	return found
}

func fieldErrors(p *problem) []fieldError {
	if p == nil {
		return nil
	}
	return p.Errors
}

// rank orders codes: a body that can't be read before a value that breaks a rule.
func rank(c code) int {
	return slices.Index([]code{codeMalformedBody, codeParameter, codeUnknownField, codeDuplicateField, codeWrongType, codeInvalid}, c)
}

// violationOf reads one of huma's details.
func violationOf(detail *huma.ErrorDetail) bodyError {
	place, field, _ := strings.Cut(detail.Location, ".")
	if read, ok := parseBodyError(detail.Message); ok {
		return read
	}
	message := detail.Message
	if place != "body" {
		return bodyError{codeParameter, field, field + ": " + message}
	}
	var missing string
	if n, _ := fmt.Sscanf(message, validation.MsgExpectedRequiredProperty, &missing); n == 1 {
		if field != "" {
			missing = field + "." + missing
		}
		return bodyError{codeInvalid, missing, missing + " is missing"}
	}
	switch {
	case field == "":
		return bodyError{code: codeMalformedBody, detail: "the body must be a JSON object"}
	case message == validation.MsgUnexpectedProperty:
		field = shorten(field)
		return bodyError{codeUnknownField, field, fmt.Sprintf("%q isn't a known field", field)}
	case isTypeMessage(message):
		return bodyError{codeWrongType, field, field + ": " + message}
	}
	return bodyError{codeInvalid, field, field + ": " + message}
}

func isTypeMessage(message string) bool {
	return slices.Contains([]string{
		validation.MsgExpectedBoolean, validation.MsgExpectedNumber, validation.MsgExpectedInteger,
		validation.MsgExpectedString, validation.MsgExpectedArray, validation.MsgExpectedObject,
	}, message)
}
