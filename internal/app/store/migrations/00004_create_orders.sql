-- +goose Up
CREATE TABLE orders (
    id              uuid        PRIMARY KEY,
    owner           text        NOT NULL CHECK (owner <> ''),
    idempotency_key text        NOT NULL CHECK (idempotency_key <> ''),
    fingerprint     bytea       NOT NULL,
    status          text        NOT NULL CHECK (status IN ('placed', 'reserved', 'confirmed', 'rejected', 'cancelled')),
    reason          text        NOT NULL,
    total_minor     bigint      NOT NULL CHECK (total_minor >= 0),
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    version         bigint      NOT NULL CHECK (version > 0),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

-- An owner's key is one order, whatever is sent at once.
CREATE UNIQUE INDEX orders_owner_key ON orders (owner, idempotency_key);

-- Lists go by ID, which is by time.
CREATE INDEX orders_owner_id ON orders (owner, id);

-- What a line says of a product is as it was; the product may go.
CREATE TABLE order_lines (
    order_id         uuid   NOT NULL REFERENCES orders (id),
    position         int    NOT NULL,
    product_id       uuid   NOT NULL,
    sku              text   NOT NULL,
    name             text   NOT NULL,
    quantity         bigint NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, position)
);

-- +goose Down
DROP TABLE order_lines;
DROP TABLE orders;
