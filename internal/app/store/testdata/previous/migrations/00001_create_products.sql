-- +goose Up
CREATE TABLE products (
    id          uuid        PRIMARY KEY,
    sku         text        NOT NULL CHECK (sku <> ''),
    name        text        NOT NULL CHECK (name <> ''),
    description text        NOT NULL,
    price_minor bigint      NOT NULL CHECK (price_minor >= 0),
    currency    text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    stock       bigint      NOT NULL CHECK (stock >= 0),
    version     bigint      NOT NULL CHECK (version > 0),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- A SKU is one product however it is written; the operator class lets a search
-- by prefix use the same index.
CREATE UNIQUE INDEX products_sku_key ON products (lower(sku) text_pattern_ops);

-- +goose Down
DROP TABLE products;
