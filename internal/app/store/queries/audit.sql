-- name: RecordAudit :exec
INSERT INTO audit_log (actor, actor_role, client, action, target, detail, request_id, remote_address, outcome)
VALUES (@actor, @actor_role, @client, @action, @target, @detail, @request_id, @remote_address, @outcome);

-- name: ListAudit :many
-- An empty filter takes any.
SELECT * FROM audit_log
WHERE id < @before::bigint
  AND (@actor::text = '' OR actor = @actor::text)
  AND (@action::text = '' OR action = @action::text)
  AND (@target::text = '' OR target = @target::text)
  AND (@outcome::text = '' OR outcome = @outcome::text)
ORDER BY id DESC
LIMIT @max_items::bigint;
