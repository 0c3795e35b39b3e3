package rpc

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// reason names one kind of refusal. Clients match on it: it is never renamed,
// and REST gives the same ones as codes.
type reason string

const (
	reasonMalformed          reason = "malformed-body"
	reasonTooLarge           reason = "body-too-large"
	reasonParameter          reason = "invalid-parameter"
	reasonInvalid            reason = "invalid-value"
	reasonUnauthenticated    reason = "unauthenticated"
	reasonInvalidToken       reason = "invalid-token"
	reasonForbidden          reason = "forbidden"
	reasonNoMethod           reason = "no-such-method" // REST has no-such-route
	reasonNotFound           reason = "product-not-found"
	reasonOrderNotFound      reason = "order-not-found"
	reasonFlagNotFound       reason = "flag-not-found"
	reasonDeadLetterNotFound reason = "dead-letter-not-found"
	reasonExperimental       reason = "experiment-off"
	reasonSKUTaken           reason = "sku-taken"
	reasonVersionMismatch    reason = "version-mismatch"
	reasonKeyReused          reason = "idempotency-key-reused"
	reasonOrderState         reason = "order-not-cancellable"
	reasonRateLimited        reason = "rate-limited"
	reasonOverloaded         reason = "overloaded"
	reasonQueueFull          reason = "queue-full"
	reasonUnavailable        reason = "store-unavailable"
	reasonIssuerUnavailable  reason = "issuer-unavailable"
	reasonAuditUnavailable   reason = "audit-unavailable"
	reasonInjected           reason = "injected-fault"
	reasonStopping           reason = "stopping" // of streams alone
	reasonInternal           reason = "internal"
	reasonCancelled          reason = "cancelled" // the client didn't wait, and never reads it
)

// domain of a reason, in google.rpc.ErrorInfo.
const domain = "pocctl"

// refusal is an answer that isn't what the client asked for.
type refusal struct {
	code    codes.Code
	reason  reason
	message string
	// about adds to the reason what a program may want to know.
	about map[string]string
	// fields are the request's, at fault.
	fields []catalog.Violation
	// retry, if not 0, is when another try makes sense.
	retry time.Duration
	cause error
}

func refuse(code codes.Code, reason reason, message string, args ...any) *refusal {
	return &refusal{code: code, reason: reason, message: fmt.Sprintf(message, args...)}
}

func (r *refusal) Error() string { return r.message }
func (r *refusal) Unwrap() error { return r.cause }

// because keeps the cause for the log.
func (r *refusal) because(cause error) *refusal {
	r.cause = cause
	return r
}

func (r *refusal) with(key, value string) *refusal {
	if r.about == nil {
		r.about = map[string]string{}
	}
	r.about[key] = value
	return r
}

// field says what is wrong with one of the request's fields.
func (r *refusal) field(name, detail string) *refusal {
	r.fields = append(r.fields, catalog.Violation{Field: name, Detail: detail})
	return r
}

func (r *refusal) retryIn(wait time.Duration) *refusal {
	r.retry = wait
	return r
}

// status is the refusal as the client gets it.
func (r *refusal) status(requestID string) *status.Status {
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: string(r.reason), Domain: domain, Metadata: r.about},
		&errdetails.RequestInfo{RequestId: requestID},
	}
	if len(r.fields) > 0 {
		broken := &errdetails.BadRequest{}
		for _, violation := range r.fields {
			broken.FieldViolations = append(broken.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: violation.Field, Description: violation.Detail,
			})
		}
		details = append(details, broken)
	}
	if r.retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(r.retry)})
	}
	plain := status.New(r.code, r.message)
	detailed, err := plain.WithDetails(details...)
	if err != nil {
		return plain // only of a code that is OK, and these types can be written
	}
	return detailed
}
