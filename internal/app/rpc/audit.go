package rpc

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// audited has act done, and written to the audit log: that it is attempted, and
// how it went. What can't be written down isn't done.
func (s *adminService) audited(ctx context.Context, target string, detail map[string]any, act func(context.Context) error) error {
	entry := callOf(ctx).entry(auth.Attempted)
	entry.Target, entry.Detail = target, detail
	return auth.Audited(ctx, s.Auditor, entry, act)
}

// entry tells of the call in the audit log.
func (c *call) entry(outcome auth.Outcome) auth.Entry {
	return auth.Entry{
		Action: c.operation, RequestID: c.id, Address: c.addressText(), Outcome: outcome,
		Actor: c.principal.Subject, Role: c.principal.Role, Client: c.principal.Client,
	}
}

func (s *adminService) ListAudit(ctx context.Context, request *pocctlv1.ListAuditRequest) (*pocctlv1.ListAuditResponse, error) {
	outcome, err := wantedOutcome(request.GetOutcome())
	if err != nil {
		return nil, err
	}
	query := auth.AuditQuery{
		Actor: request.GetActor(), Action: request.GetAction(), Target: request.GetTarget(),
		Outcome: outcome, Limit: pageSize(request),
	}
	before, err := placeOf[int64](request)
	if err != nil {
		return nil, err
	}
	if before != nil {
		query.Before = *before
	}
	page, err := s.Auditor.List(ctx, query)
	if err != nil {
		return nil, renamed(err, "", listFields())
	}
	response := &pocctlv1.ListAuditResponse{}
	for _, entry := range page.Entries {
		written, err := entryOf(entry)
		if err != nil {
			return nil, err
		}
		response.Entries = append(response.Entries, written)
	}
	if page.Next != 0 {
		response.NextPageToken, err = nextToken(request, page.Next)
	}
	return response, err
}

func entryOf(entry auth.Entry) (*pocctlv1.AuditEntry, error) {
	detail, err := structpb.NewStruct(entry.Detail)
	if err != nil {
		return nil, fmt.Errorf("write entry %d of the audit log: %w", entry.ID, err)
	}
	return &pocctlv1.AuditEntry{
		Id: entry.ID, At: timestamppb.New(entry.At), Actor: entry.Actor, Role: roleOf(entry.Role), Client: entry.Client,
		Action: entry.Action, Target: entry.Target, Detail: detail, RequestId: entry.RequestID, Address: entry.Address,
		Outcome: outcomeOf(entry.Outcome),
	}, nil
}

func outcomeOf(outcome auth.Outcome) pocctlv1.AuditOutcome {
	switch outcome {
	case auth.Attempted:
		return pocctlv1.AuditOutcome_AUDIT_OUTCOME_ATTEMPTED
	case auth.Done:
		return pocctlv1.AuditOutcome_AUDIT_OUTCOME_DONE
	case auth.Failed:
		return pocctlv1.AuditOutcome_AUDIT_OUTCOME_FAILED
	case auth.NotPermitted:
		return pocctlv1.AuditOutcome_AUDIT_OUTCOME_REFUSED
	}
	return pocctlv1.AuditOutcome_AUDIT_OUTCOME_UNSPECIFIED
}

// wantedOutcome is the outcome to keep; unspecified is any.
func wantedOutcome(given pocctlv1.AuditOutcome) (auth.Outcome, error) {
	if given == pocctlv1.AuditOutcome_AUDIT_OUTCOME_UNSPECIFIED {
		return "", nil
	}
	for _, outcome := range []auth.Outcome{auth.Attempted, auth.Done, auth.Failed, auth.NotPermitted} {
		if outcomeOf(outcome) == given {
			return outcome, nil
		}
	}
	return "", badParameter("outcome", "must be an AuditOutcome")
}
