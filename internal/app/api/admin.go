package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/auth"
)

const (
	adminPath = "/api/v1/admin"
	tagAdmin  = "Administration"
)

func (s *server) adminOperations() {
	register(s, operation{
		name: "listFlags", method: http.MethodGet, path: adminPath + "/flags", tag: tagAdmin, success: http.StatusOK,
		summary: "List feature flags", detail: "Each with what is in force now, and where that comes from.",
	}, s.listFlags)
	register(s, operation{
		name: "setFlagOverride", method: http.MethodPut, path: adminPath + "/flags/{key}/override", tag: tagAdmin, success: http.StatusOK,
		summary: "Override a feature flag", detail: "For everybody and on every replica, until it is cleared or expires.",
		refusals: []int{http.StatusNotFound},
	}, s.setFlagOverride)
	register(s, operation{
		name: "clearFlagOverride", method: http.MethodDelete, path: adminPath + "/flags/{key}/override", tag: tagAdmin, success: http.StatusNoContent,
		summary: "Let a feature flag's file decide again", refusals: []int{http.StatusNotFound},
	}, s.clearFlagOverride)
	register(s, operation{
		name: "listDeadLetters", method: http.MethodGet, path: adminPath + "/dead-letters", tag: tagAdmin, success: http.StatusOK,
		summary: "List jobs that were given up",
	}, s.listDeadLetters)
	register(s, operation{
		name: "requeueDeadLetter", method: http.MethodPost, path: adminPath + "/dead-letters/{id}/requeue", tag: tagAdmin, success: http.StatusNoContent,
		summary: "Try a job again that was given up", refusals: []int{http.StatusNotFound}, bodiless: true,
	}, s.requeueDeadLetter)
	register(s, operation{
		name: "listAudit", method: http.MethodGet, path: adminPath + "/audit", tag: tagAdmin, success: http.StatusOK,
		summary: "See what admins did", detail: "The newest first.",
	}, s.listAudit)
}

// audited does what an admin asks for, between its two entries in the audit log.
func (s *server) audited(ctx context.Context, action, target string, detail map[string]any, act func(context.Context) error) error {
	entry := entryOf(ctx, action, auth.Attempted)
	entry.Target, entry.Detail = target, detail
	return auth.Audited(ctx, s.Auditor, entry, act)
}

// tellRefused writes down who asked for an admin's operation without being one.
func (s *server) tellRefused(ctx context.Context, action string, err error) {
	var forbidden *auth.Forbidden
	if !errors.As(err, &forbidden) || forbidden.Needs != auth.Admin {
		return
	}
	if err := s.Auditor.Record(ctx, entryOf(ctx, action, auth.NotPermitted)); err != nil {
		s.Logger.Warn("a refused attempt isn't in the audit log", zap.String("request_id", requestOf(ctx).id), zap.Error(err))
	}
}

func entryOf(ctx context.Context, action string, outcome auth.Outcome) auth.Entry {
	r := requestOf(ctx)
	return auth.Entry{
		Action: action, RequestID: r.id, Address: addressText(r.address),
		Actor: r.principal.Subject, Role: r.principal.Role, Client: r.principal.Client, Outcome: outcome,
	}
}

type deadLetter struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind" doc:"What the job was to do"`
	OrderID  string    `json:"order_id,omitempty"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error" doc:"The last one"`
	FailedAt time.Time `json:"failed_at"`
}

type deadLettersInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many, at most"`
}

type deadLettersBody struct {
	Body struct {
		Items []deadLetter `json:"items" nullable:"false"`
	}
}

func (s *server) listDeadLetters(ctx context.Context, input *deadLettersInput) (*deadLettersBody, error) {
	found, err := s.DeadLetters.ListDeadLetters(ctx, input.Limit)
	if err != nil {
		return nil, err
	}
	var output deadLettersBody
	output.Body.Items = make([]deadLetter, len(found))
	for i, letter := range found {
		output.Body.Items[i] = deadLetter(letter)
	}
	return &output, nil
}

type requeueInput struct {
	ID string `path:"id" maxLength:"1024"`
}

func (s *server) requeueDeadLetter(ctx context.Context, input *requeueInput) (*struct{}, error) {
	return nil, s.audited(ctx, "requeueDeadLetter", input.ID, nil, func(ctx context.Context) error {
		return s.DeadLetters.Requeue(ctx, input.ID)
	})
}
