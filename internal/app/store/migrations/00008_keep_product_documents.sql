-- +goose NO TRANSACTION
-- What a product is found by, kept ready: computing it from a name and a
-- description takes far longer than looking at it. It is a table beside products,
-- not a column, so that no row of theirs is rewritten, and triggers keep it, so
-- that the release before keeps it, too. Each step can be done again, and none
-- holds a lock that stops writes for long. To change what is in a document, add
-- functions and a table beside these.

-- +goose Up
-- The words of a text, so that the parser takes each as a plain word: not two of
-- them as a host, a path, a tag or a compound. An apostrophe doesn't part words.
CREATE OR REPLACE FUNCTION product_words(written text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(translate(written, '''’', ''), '[-./@_+<>&~:–—“”„…™®·×]', ' ', 'g');

CREATE TABLE IF NOT EXISTS product_documents (
    product_id uuid     PRIMARY KEY REFERENCES products ON DELETE CASCADE,
    names      tsvector NOT NULL, -- the name's words, as written and by their stems
    document   tsvector NOT NULL  -- those, and the stems of the description's
);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION product_document_of(name text, description text, OUT names tsvector, OUT document tsvector)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    words text := product_words(name);
BEGIN
    names := strip(to_tsvector('pg_catalog.simple', words) || to_tsvector('pg_catalog.english', words));
    document := strip(names || to_tsvector('pg_catalog.english', product_words(description)));
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION product_documents_add() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO product_documents (product_id, names, document)
    SELECT added.id, made.names, made.document
    FROM added, product_document_of(added.name, added.description) AS made;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION product_documents_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO product_documents (product_id, names, document)
    SELECT NEW.id, made.names, made.document
    FROM product_document_of(NEW.name, NEW.description) AS made
    ON CONFLICT (product_id) DO UPDATE SET names = EXCLUDED.names, document = EXCLUDED.document;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- These wait for writes under way, and writes wait for them: better to fail, and
-- be run again.
SET lock_timeout = '5s';

-- For all rows of a statement at once: a seed adds 100,000.
CREATE OR REPLACE TRIGGER products_added
    AFTER INSERT ON products REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION product_documents_add();

CREATE OR REPLACE TRIGGER products_changed
    AFTER UPDATE ON products FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.description IS DISTINCT FROM NEW.description)
    EXECUTE FUNCTION product_documents_change();

RESET lock_timeout;

-- Those that were there before the triggers, a thousand at a time, which can be
-- changed meanwhile, but not deleted. A document that a trigger has made is newer.
-- +goose StatementBegin
DO $$
DECLARE
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        WITH batch AS MATERIALIZED (
            SELECT id, name, description FROM products WHERE id > last ORDER BY id LIMIT 1000 FOR KEY SHARE
        ), filled AS (
            INSERT INTO product_documents (product_id, names, document)
            SELECT batch.id, made.names, made.document
            FROM batch, product_document_of(batch.name, batch.description) AS made
            ON CONFLICT (product_id) DO NOTHING
        )
        SELECT id INTO last FROM batch ORDER BY id DESC LIMIT 1;
        EXIT WHEN last IS NULL;
        COMMIT;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- No pending list: a search would have to read all of it.
DROP INDEX CONCURRENTLY IF EXISTS product_documents_names_index;
CREATE INDEX CONCURRENTLY product_documents_names_index
    ON product_documents USING gin (names) WITH (fastupdate = off);

DROP INDEX CONCURRENTLY IF EXISTS product_documents_document_index;
CREATE INDEX CONCURRENTLY product_documents_document_index
    ON product_documents USING gin (document) WITH (fastupdate = off);

ANALYZE product_documents;

-- What a text asks for: every one of its words, as the beginning of a word or by
-- its stem; words like "the" only if there are no others. Only the parser's
-- lexemes get into the query, so that a text can't carry operators.
CREATE OR REPLACE FUNCTION product_query(wanted text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        SELECT string_agg(
                   CASE
                       WHEN stem = '' OR starts_with(stem, rtrim(written, '''')) THEN beginning
                       ELSE '(' || beginning || ' | ' || stem || ')'
                   END, ' & '
               ) FILTER (WHERE stem <> '' OR no_stems)::tsquery
        FROM (
            SELECT written, stem, replace(written, ''' & ''', ''':* & ''') || ':*' AS beginning,
                   bool_and(stem = '') OVER () AS no_stems
            FROM (
                SELECT DISTINCT plainto_tsquery('pg_catalog.simple', word)::text AS written,
                       plainto_tsquery('pg_catalog.english', word)::text AS stem
                FROM string_to_table(product_words(wanted), ' ') AS word
            ) AS words
            WHERE written <> ''
        ) AS parts
    );

-- +goose Down
DROP FUNCTION product_query(text);
DROP TRIGGER products_changed ON products;
DROP TRIGGER products_added ON products;
DROP FUNCTION product_documents_change();
DROP FUNCTION product_documents_add();
DROP FUNCTION product_document_of(text, text);
DROP TABLE product_documents;
DROP FUNCTION product_words(text);
