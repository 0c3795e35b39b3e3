-- +goose NO TRANSACTION
-- Lists by name and by price read an index in its order, forwards or backwards;
-- by creation they read the primary key's. The third serves a currency that few
-- products are in, and prices within it. Nothing that an order changes (stock,
-- version) is in an index, so that such updates stay cheap (heap-only).
--
-- Built concurrently, because the release before goes on writing meanwhile; that
-- can't be done in a transaction. If it is cut short, it leaves an index that
-- isn't valid, and the next run begins anew: hence the drops.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS products_name_index;
-- The collation is named, so that order and index don't depend on the machine's
-- locale, nor on its C library's version.
CREATE INDEX CONCURRENTLY products_name_index ON products (lower(name COLLATE "C"), id);

DROP INDEX CONCURRENTLY IF EXISTS products_price_index;
CREATE INDEX CONCURRENTLY products_price_index ON products (price_minor, id);

DROP INDEX CONCURRENTLY IF EXISTS products_currency_price_index;
CREATE INDEX CONCURRENTLY products_currency_price_index ON products (currency, price_minor, id);

-- +goose Down
DROP INDEX products_currency_price_index;
DROP INDEX products_price_index;
DROP INDEX products_name_index;
