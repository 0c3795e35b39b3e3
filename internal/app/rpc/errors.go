package rpc

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
)

// When to try again: what may well be over in a moment, and a queue that is full.
const (
	soon  = time.Second
	later = 5 * time.Second
)

// answer makes the status that a call ends with. ctx is the call's own, which
// ends when the client goes, and not when our limit on it passes.
func (s *Server) answer(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	c := callOf(ctx)
	c.cause = err
	var refused *refusal
	_, isStatus := status.FromError(err)
	gone := ctx.Err()
	switch {
	case errors.As(err, &refused):
	case isStatus && c.operation == "":
		return err // of health and reflection, whose clients know their own
	case gone != nil:
		refused = refuse(status.FromContextError(gone).Code(), reasonCancelled, "the client didn't wait")
	default:
		refused = refusalOf(err, c.reads)
	}
	c.reason = refused.reason
	return refused.status(c.id).Err()
}

// refusalOf finds the answer to an error of the domain.
func refusalOf(err error, reads bool) *refusal {
	var ours *refusal
	if errors.As(err, &ours) {
		return ours
	}
	for _, find := range []func(error, bool) *refusal{authRefusal, catalogRefusal, orderRefusal, adminRefusal} {
		if found := find(err, reads); found != nil {
			return found
		}
	}
	if errors.Is(err, catalog.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(codes.Unavailable, reasonUnavailable, "try again in a moment").retryIn(soon)
	}
	return refuse(codes.Internal, reasonInternal, "the request ID finds the cause in the logs")
}

func authRefusal(err error, _ bool) *refusal {
	var refused *auth.Refused
	var forbidden *auth.Forbidden
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return refuse(codes.Unauthenticated, reasonUnauthenticated, "send the metadata authorization: Bearer with a token of the issuer")
	case errors.As(err, &refused):
		return refuse(codes.Unauthenticated, reasonInvalidToken, "%s", refused).with("token", string(refused.Reason))
	case errors.As(err, &forbidden):
		return refuse(codes.PermissionDenied, reasonForbidden, "%s", forbidden).with("needs", string(forbidden.Needs))
	case errors.Is(err, auth.ErrAuditUnavailable):
		return refuse(codes.Unavailable, reasonAuditUnavailable, "it can't be written to the audit log now").retryIn(soon)
	case errors.Is(err, auth.ErrIssuerUnavailable):
		return refuse(codes.Unavailable, reasonIssuerUnavailable, "the token can't be checked now").retryIn(soon)
	}
	return nil
}

func catalogRefusal(err error, reads bool) *refusal {
	var invalid catalog.Invalid
	var mismatch *catalog.VersionMismatch
	switch {
	case errors.As(err, &invalid):
		return invalidRefusal(invalid, reads)
	case errors.As(err, &mismatch):
		return refuse(codes.Aborted, reasonVersionMismatch, "%s", mismatch).
			with("actual_version", strconv.FormatInt(mismatch.Actual, 10))
	case errors.Is(err, catalog.ErrNotFound):
		return refuse(codes.NotFound, reasonNotFound, "there is no product with this id")
	case errors.Is(err, catalog.ErrSKUTaken):
		return refuse(codes.AlreadyExists, reasonSKUTaken, "another product has this sku").field("product.sku", "is taken")
	}
	return nil
}

func orderRefusal(err error, _ bool) *refusal {
	var state *orders.StateError
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return refuse(codes.NotFound, reasonOrderNotFound, "there is no order of yours with this id")
	case errors.Is(err, orders.ErrKeyReused):
		return refuse(codes.AlreadyExists, reasonKeyReused, "this key was used for another order: take a new one").
			field("idempotency_key", "was used for another order")
	case errors.As(err, &state):
		return refuse(codes.FailedPrecondition, reasonOrderState, "%s", state).with("status", string(state.Status))
	case errors.Is(err, orders.ErrBusy):
		return refuse(codes.Unavailable, reasonQueueFull, "too many orders are waiting to be worked on").retryIn(later)
	}
	return nil
}

func adminRefusal(err error, _ bool) *refusal {
	var invalid *flags.Invalid
	switch {
	case errors.Is(err, flags.ErrNoFlag):
		return refuse(codes.NotFound, reasonFlagNotFound, "there is no flag with this key")
	case errors.As(err, &invalid):
		return invalidField(invalid.Field, invalid.Detail)
	case errors.Is(err, queue.ErrNoDeadLetter):
		return refuse(codes.NotFound, reasonDeadLetterNotFound, "there is no dead letter with this id")
	}
	return nil
}

func invalidRefusal(invalid catalog.Invalid, reads bool) *refusal {
	kind := reasonInvalid
	if reads {
		kind = reasonParameter
	}
	refused := refuse(codes.InvalidArgument, kind, "%s", invalid)
	refused.fields = invalid
	return refused
}

// invalidField is one value that breaks a rule.
func invalidField(field, detail string) *refusal {
	return refuse(codes.InvalidArgument, reasonInvalid, "%s %s", field, detail).field(field, detail)
}

// badParameter is what is wrong with a parameter whatever the rules say.
func badParameter(field, detail string) *refusal {
	return refuse(codes.InvalidArgument, reasonParameter, "%s %s", field, detail).field(field, detail)
}

func errNoMethod() error {
	return refuse(codes.Unimplemented, reasonNoMethod, "there is no such method")
}

// unreadable is what became of a call whose message couldn't be received. Unless
// it is a refusal of ours, the client has gRPC's answer already, which for a
// message that isn't there is INTERNAL, as if it were the server's fault.
func unreadable(err error) error {
	switch code := status.Code(err); {
	case code == codes.ResourceExhausted:
		return refuse(code, reasonTooLarge, "the message may have %d bytes", maxReceive).because(err)
	case code == codes.Internal, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(codes.InvalidArgument, reasonMalformed, "there is no whole message").because(err)
	}
	return err
}

// renamed gives the fields of a catalog.Invalid the names that they have in the
// request: those in names, and the others after prefix.
func renamed(err error, prefix string, names map[string]string) error {
	var invalid catalog.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	ours := make(catalog.Invalid, len(invalid))
	for i, violation := range invalid {
		name, found := names[violation.Field]
		if !found {
			name = prefix + violation.Field
		}
		ours[i] = catalog.Violation{Field: name, Detail: violation.Detail}
	}
	return ours
}
