package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// Audit is the audit log. The database refuses to change or remove entries.
type Audit struct{ queries *query.Queries }

var _ auth.Auditor = Audit{}

// Audit gives the store's audit log.
func (s *Store) Audit() Audit { return Audit{s.queries} }

// Record adds an entry; the database gives its ID and time. Whatever keeps it
// from being written is ErrAuditUnavailable and catalog.ErrUnavailable.
func (a Audit) Record(ctx context.Context, entry auth.Entry) error {
	prepared, detail, err := entry.Prepared()
	if err != nil {
		return fmt.Errorf("record in the audit log: %w", err)
	}
	err = a.queries.RecordAudit(ctx, query.RecordAuditParams{
		Actor:         prepared.Actor,
		ActorRole:     string(prepared.Role),
		Client:        prepared.Client,
		Action:        prepared.Action,
		Target:        prepared.Target,
		Detail:        detail,
		RequestID:     prepared.RequestID,
		RemoteAddress: prepared.Address,
		Outcome:       string(prepared.Outcome),
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("record in the audit log: %w: %w", auth.ErrAuditUnavailable, err)
	}
	return fmt.Errorf("record in the audit log: %w: %w: %w", auth.ErrAuditUnavailable, catalog.ErrUnavailable, err)
}

// List gives entries, the newest first.
func (a Audit) List(ctx context.Context, asked auth.AuditQuery) (auth.AuditPage, error) {
	if asked.Limit == 0 {
		asked.Limit = auth.DefaultAuditPage
	}
	if asked.Limit < 1 || asked.Limit > auth.MaxAuditPage {
		return auth.AuditPage{}, catalog.Invalid{{Field: "limit", Detail: fmt.Sprintf("must be from 1 to %d", auth.MaxAuditPage)}}
	}
	for _, filter := range []string{asked.Actor, asked.Action, asked.Target, string(asked.Outcome)} {
		if strings.ContainsRune(filter, 0) || !utf8.ValidString(filter) {
			return auth.AuditPage{Entries: []auth.Entry{}}, nil // no entry has that in it
		}
	}
	if asked.Before <= 0 {
		asked.Before = math.MaxInt64
	}
	rows, err := a.queries.ListAudit(ctx, query.ListAuditParams{
		Before: asked.Before, Actor: asked.Actor, Action: asked.Action, Target: asked.Target,
		Outcome: string(asked.Outcome), MaxItems: int64(asked.Limit) + 1,
	})
	if err != nil {
		return auth.AuditPage{}, translate("list the audit log", err)
	}
	var page auth.AuditPage
	if len(rows) > asked.Limit {
		rows = rows[:asked.Limit]
		page.Next = rows[asked.Limit-1].ID
	}
	page.Entries = make([]auth.Entry, len(rows))
	for i, row := range rows {
		if page.Entries[i], err = fromAudit(row); err != nil {
			return auth.AuditPage{}, err
		}
	}
	return page, nil
}

func fromAudit(row query.AuditLog) (auth.Entry, error) {
	entry := auth.Entry{
		ID: row.ID, At: row.At.UTC(), Actor: row.Actor, Role: auth.Role(row.ActorRole), Client: row.Client,
		Action: row.Action, Target: row.Target, RequestID: row.RequestID, Address: row.RemoteAddress,
		Outcome: auth.Outcome(row.Outcome),
	}
	if err := json.Unmarshal(row.Detail, &entry.Detail); err != nil {
		return auth.Entry{}, fmt.Errorf("read entry %d of the audit log: %w", row.ID, err)
	}
	if len(entry.Detail) == 0 {
		entry.Detail = nil
	}
	return entry, nil
}
