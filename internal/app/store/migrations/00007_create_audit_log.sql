-- +goose Up
-- What administrators did. The database dates and numbers the entries, so that
-- their order doesn't depend on the clocks of those who write them.
CREATE TABLE audit_log (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text        NOT NULL CHECK (actor <> ''),
    actor_role     text        NOT NULL,
    client         text        NOT NULL,
    action         text        NOT NULL CHECK (action <> ''),
    target         text        NOT NULL,
    detail         jsonb       NOT NULL,
    request_id     text        NOT NULL,
    remote_address text        NOT NULL,
    outcome        text        NOT NULL CHECK (outcome IN ('attempted', 'done', 'failed', 'refused'))
);

CREATE INDEX audit_log_actor_index ON audit_log (actor, id);
CREATE INDEX audit_log_target_index ON audit_log (target, id);

-- Entries are added and never changed. "Always" holds also for sessions that
-- have triggers switched off, as replication does. Who owns the table can still
-- drop the trigger: that is a change of the schema, and can be seen as one.
-- +goose StatementBegin
CREATE FUNCTION refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;

-- +goose Down
DROP TABLE audit_log;
DROP FUNCTION refuse_audit_change();
