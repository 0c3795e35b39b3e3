package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

var _ flags.Store = (*Store)(nil)

// FlagOverrides gives the overrides of feature flags that haven't expired.
func (s *Store) FlagOverrides(ctx context.Context) ([]flags.Override, error) {
	rows, err := s.queries.ListFlagOverrides(ctx)
	if err != nil {
		return nil, translate("list overrides of flags", err)
	}
	overrides := make([]flags.Override, len(rows))
	for i, row := range rows {
		overrides[i] = fromOverride(query.FlagOverride{
			Key: row.Key, Variant: row.Variant, Value: row.Value, SetBy: row.SetBy,
			Reason: row.Reason, SetAt: row.SetAt, ExpiresAt: row.ExpiresAt,
		})
		overrides[i].Left = time.Duration(row.LeftMs) * time.Millisecond
	}
	return overrides, nil
}

// SetFlagOverride replaces a flag's override, for ttl (in whole milliseconds)
// or, if that is 0, until it is cleared.
func (s *Store) SetFlagOverride(ctx context.Context, override flags.Override, ttl time.Duration) (flags.Override, error) {
	row, err := s.queries.SetFlagOverride(ctx, query.SetFlagOverrideParams{
		Key:     override.Key,
		Variant: pgtype.Text{String: override.Variant, Valid: override.Variant != ""},
		Value:   override.Value,
		SetBy:   override.By,
		Reason:  override.Reason,
		TtlMs:   ttl.Milliseconds(),
	})
	if err != nil {
		return flags.Override{}, translate("set an override of a flag", err)
	}
	set := fromOverride(row)
	set.Left = ttl
	return set, nil
}

// ClearFlagOverride tells whether the flag had an override, expired or not.
func (s *Store) ClearFlagOverride(ctx context.Context, key string) (bool, error) {
	removed, err := s.queries.ClearFlagOverride(ctx, key)
	return removed > 0, translate("clear an override of a flag", err)
}

// WatchFlagOverrides calls changed once it listens, and whenever an override
// has changed, on a connection of its own. It returns when ctx ends, or with
// why the connection was lost or not to be had.
func (s *Store) WatchFlagOverrides(ctx context.Context, changed func()) error {
	config := s.pool.Config().ConnConfig
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return translate("listen for overrides of flags", err)
	}
	defer connection.Close(context.WithoutCancel(ctx))
	if _, err := connection.Exec(ctx, "LISTEN flag_overrides"); err != nil {
		return translate("listen for overrides of flags", err)
	}
	for {
		changed()
		if _, err := connection.WaitForNotification(ctx); err != nil {
			return translate("listen for overrides of flags", err)
		}
	}
}

func fromOverride(row query.FlagOverride) flags.Override {
	override := flags.Override{
		Key: row.Key, Variant: row.Variant.String, Value: row.Value,
		By: row.SetBy, Reason: row.Reason, At: row.SetAt.UTC(),
	}
	if row.ExpiresAt.Valid {
		override.Expires = row.ExpiresAt.Time.UTC()
	}
	return override
}
