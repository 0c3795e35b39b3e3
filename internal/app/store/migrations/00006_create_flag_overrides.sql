-- +goose Up
-- What administrators have set feature flags to: a variant of the file, or a
-- value that is none of them.
CREATE TABLE flag_overrides (
    key        text        PRIMARY KEY CHECK (key <> ''),
    variant    text,
    value      jsonb,
    set_by     text        NOT NULL,
    reason     text        NOT NULL,
    set_at     timestamptz NOT NULL,
    expires_at timestamptz CHECK (expires_at > set_at),
    CHECK (num_nonnulls(variant, value) = 1)
);

-- Replicas hear of every change, also of one made by hand.
-- +goose StatementBegin
CREATE FUNCTION notify_flag_overrides() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    NOTIFY flag_overrides;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER flag_overrides_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON flag_overrides
    FOR EACH STATEMENT EXECUTE FUNCTION notify_flag_overrides();

-- +goose Down
DROP TABLE flag_overrides;
DROP FUNCTION notify_flag_overrides();
