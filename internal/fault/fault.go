// Package fault is the error that pocctl shows to people: a stable code, what
// happened, and what to do about it. Every message lives in the catalogue.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code names one kind of failure. Codes are part of the contract: scripts match
// on them, so a code is never renamed or reused.
type Code string

// Error is a failure with its advice. It satisfies error and unwraps to its cause.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix"`

	exit  int
	cause error
}

// New makes the catalogue's error for code. fields are name, value pairs that
// fill the {name} places of its message and fix.
func New(code Code, fields ...any) *Error {
	entry, known := catalogue[code]
	if !known {
		entry = catalogue[Internal]
		fields = []any{"detail", fmt.Sprintf("no catalogue entry for %q %v", code, fields)}
	}
	return &Error{
		Code:    code,
		Message: fill(entry.message, fields),
		Fix:     fill(entry.fix, fields),
		exit:    entry.exit,
	}
}

// Because returns a copy of e that wraps cause.
func (e *Error) Because(cause error) *Error {
	wrapped := *e
	wrapped.cause = cause
	return &wrapped
}

// Error gives the message, then the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap gives the cause, which may be nil.
func (e *Error) Unwrap() error { return e.cause }

// From finds the Error in err's chain, or wraps err as an Internal one. The
// message keeps the wrapping around it. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if !errors.As(err, &known) {
		return New(Internal, "detail", err.Error()).Because(err)
	}
	shown := *known
	shown.Message = err.Error()
	return &shown
}

// ExitCode maps err to the process's exit code: 0 for nil, 1 for an error that
// the catalogue does not know.
func ExitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	var known *Error
	if errors.As(err, &known) {
		return known.exit
	}
	return ExitFailed
}

func fill(template string, fields []any) string {
	pairs := make([]string, 0, len(fields))
	for i := 0; i+1 < len(fields); i += 2 {
		pairs = append(pairs, fmt.Sprintf("{%v}", fields[i]), fmt.Sprint(fields[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
