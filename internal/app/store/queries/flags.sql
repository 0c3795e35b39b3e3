-- name: ListFlagOverrides :many
-- What is left is counted by the database's clock, whatever replicas' are.
SELECT key, variant, value, set_by, reason, set_at, expires_at,
       coalesce(ceil(extract(epoch FROM expires_at - now()) * 1000), 0)::bigint AS left_ms
FROM flag_overrides
WHERE expires_at IS NULL OR expires_at > now()
ORDER BY key;

-- name: SetFlagOverride :one
-- ttl_ms 0 is no end.
INSERT INTO flag_overrides (key, variant, value, set_by, reason, set_at, expires_at)
VALUES (@key, sqlc.narg(variant), sqlc.narg(value), @set_by, @reason, now(),
        now() + nullif(@ttl_ms::bigint, 0) * interval '1 millisecond')
ON CONFLICT (key) DO UPDATE
SET variant    = excluded.variant,
    value      = excluded.value,
    set_by     = excluded.set_by,
    reason     = excluded.reason,
    set_at     = excluded.set_at,
    expires_at = excluded.expires_at
RETURNING *;

-- name: ClearFlagOverride :execrows
DELETE FROM flag_overrides WHERE key = @key;
