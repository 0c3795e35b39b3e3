package auth

import (
	"context"
	"errors"
	"time"
)

// outcomeTimeout bounds the record of how an action went. It is made even if
// the caller has gone.
const outcomeTimeout = 5 * time.Second

// Audited does what entry tells of: it records the attempt, calls act, and
// records how that went. What can't be recorded isn't done. If only its outcome
// couldn't be recorded it is done, and an error all the same; the attempt is in
// the log. An entry without an actor is the context's principal's.
// Errors: act's, and those of Record.
func Audited(ctx context.Context, log Auditor, entry Entry, act func(context.Context) error) error {
	if entry.Actor == "" {
		principal := FromContext(ctx)
		entry.Actor, entry.Role, entry.Client = principal.Subject, principal.Role, principal.Client
	}
	entry.Outcome = Attempted
	if err := log.Record(ctx, entry); err != nil {
		return err
	}
	entry.Outcome = Failed // also if act panics
	defer func() {
		if cause := recover(); cause != nil {
			_ = recordOutcome(ctx, log, entry)
			panic(cause)
		}
	}()
	err := act(ctx)
	if err == nil {
		entry.Outcome = Done
	}
	return errors.Join(err, recordOutcome(ctx, log, entry))
}

func recordOutcome(ctx context.Context, log Auditor, entry Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTimeout)
	defer cancel()
	return log.Record(ctx, entry)
}
