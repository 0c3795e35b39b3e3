-- +goose Up
-- What a product is found by: the words of its name as written and by their
-- stem, then the stems of its description. An index on it, not a column, so
-- that the table isn't rewritten. To change it, add a function and an index
-- beside these; drop the old ones a release later.
CREATE FUNCTION product_document(name text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN setweight(to_tsvector('pg_catalog.simple', name), 'A')
        || setweight(to_tsvector('pg_catalog.english', name), 'B')
        || setweight(to_tsvector('pg_catalog.english', description), 'C');

CREATE INDEX products_document_index ON products USING gin (product_document(name, description));

-- +goose Down
DROP INDEX products_document_index;
DROP FUNCTION product_document(text, text);
