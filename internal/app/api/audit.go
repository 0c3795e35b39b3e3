package api

import (
	"context"
	"time"

	"github.com/pocctl/pocctl/internal/app/auth"
)

const auditForm = 5

type auditEntry struct {
	ID        int64          `json:"id"`
	At        time.Time      `json:"at"`
	Actor     string         `json:"actor" doc:"The subject of who did it"`
	Role      string         `json:"role"`
	Client    string         `json:"client,omitempty"`
	Action    string         `json:"action" doc:"The operation"`
	Target    string         `json:"target,omitempty"`
	Detail    map[string]any `json:"detail,omitempty"`
	RequestID string         `json:"request_id"`
	Address   string         `json:"address"`
	Outcome   string         `json:"outcome"`
}

type auditPageBody struct {
	Body struct {
		Items      []auditEntry `json:"items" nullable:"false"`
		NextCursor string       `json:"next_cursor,omitempty" doc:"Asks for the next page; absent on the last one"`
	}
}

type listAuditInput struct {
	Paging
	Actor   string `query:"actor" maxLength:"255" doc:"Only what this subject did"`
	Action  string `query:"action" maxLength:"100" doc:"Only this operation"`
	Outcome string `query:"outcome" enum:"attempted,done,failed,refused" doc:"Only what ended so"`
}

func (s *server) listAudit(ctx context.Context, input *listAuditInput) (*auditPageBody, error) {
	query := auth.AuditQuery{Actor: input.Actor, Action: input.Action, Outcome: auth.Outcome(input.Outcome), Limit: input.Limit}
	if input.Cursor != "" {
		if err := decodeCursor(input.Cursor, auditForm, &query.Before); err != nil {
			return nil, err
		}
	}
	page, err := s.Auditor.List(ctx, query)
	if err != nil {
		return nil, err
	}
	var output auditPageBody
	output.Body.Items = make([]auditEntry, len(page.Entries))
	for i, e := range page.Entries {
		output.Body.Items[i] = auditEntry{
			ID: e.ID, At: e.At, Actor: e.Actor, Role: string(e.Role), Client: e.Client, Action: e.Action, Target: e.Target,
			Detail: e.Detail, RequestID: e.RequestID, Address: e.Address, Outcome: string(e.Outcome),
		}
	}
	if page.Next != 0 {
		output.Body.NextCursor = encodeCursor(auditForm, page.Next)
	}
	return &output, nil
}
