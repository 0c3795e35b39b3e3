-- name: CreateProduct :one
INSERT INTO products (id, sku, name, description, price_minor, currency, stock, version, created_at, updated_at)
VALUES (@id, @sku, @name, @description, @price_minor, @currency, @stock, 1, @now, @now)
RETURNING *;

-- name: GetProduct :one
SELECT * FROM products WHERE id = @id;

-- A list reads an index from a position on. Those at the ends, which stand for
-- none, come before or after every product, so that the position needs no OR.
-- No currency is '', no least stock 0; no bounds are those of bigint.

-- name: ListProductsByCreated :many
SELECT * FROM products
WHERE id > @after_id
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY id
LIMIT @max_items::bigint;

-- name: ListProductsByCreatedDescending :many
SELECT * FROM products
WHERE id < @after_id
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY id DESC
LIMIT @max_items::bigint;

-- name: ListProductsByName :many
SELECT * FROM products
WHERE (lower(name COLLATE "C"), id) > (lower(CAST(@after_name AS text) COLLATE "C"), @after_id::uuid)
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY lower(name COLLATE "C"), id
LIMIT @max_items::bigint;

-- name: ListProductsByNameDescending :many
SELECT * FROM products
WHERE (lower(name COLLATE "C"), id) < (lower(CAST(@after_name AS text) COLLATE "C"), @after_id::uuid)
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY lower(name COLLATE "C") DESC, id DESC
LIMIT @max_items::bigint;

-- name: ListProductsByPrice :many
SELECT * FROM products
WHERE (price_minor, id) > (@after_price::bigint, @after_id::uuid)
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY price_minor, id
LIMIT @max_items::bigint;

-- name: ListProductsByPriceDescending :many
SELECT * FROM products
WHERE (price_minor, id) < (@after_price::bigint, @after_id::uuid)
  AND (@currency::text = '' OR currency = @currency::text)
  AND price_minor BETWEEN @min_price AND @max_price
  AND stock >= @min_stock
ORDER BY price_minor DESC, id DESC
LIMIT @max_items::bigint;

-- name: SearchProducts :many
-- The best of the products that match, by these ranks: 0, the text is the SKU;
-- 1, all its words are in the name, whole; 2, they begin words of the name or share
-- their stems; 3, they do so in name or description; 4, it begins the SKU. Within a
-- rank the oldest come first; in the last they go by SKU.
--
-- An index on words gives all that have them, which takes long if those are many.
-- But then the first products hold enough of them. So look at some thousand first,
-- until there are plenty, and ask the index only for ranks that few of them have.
-- Which way to go is decided here and not left to the planner, who can't know how
-- common words are. OFFSET 0 and CASE keep it from beginning elsewhere, so that its
-- plan is the same for all.
WITH asked AS MATERIALIZED (
    SELECT product_query(@wanted) AS anywhere,
           plainto_tsquery('pg_catalog.simple', product_words(@wanted)) AS whole
), first_ones AS MATERIALIZED (
    SELECT d.product_id AS id,
           CASE WHEN d.names @@ (SELECT whole FROM asked) THEN 1
                WHEN d.names @@ (SELECT anywhere FROM asked) THEN 2 ELSE 3 END AS rank
    FROM (
        SELECT product_id, names, document FROM product_documents
        ORDER BY product_id LIMIT 3000 + 10 * (@needed::bigint)
    ) AS d
    WHERE d.document @@ (SELECT anywhere FROM asked)
    ORDER BY d.product_id
    LIMIT 400 + 4 * (@needed::bigint)
), walk AS MATERIALIZED (
    SELECT ranked.id, ranked.rank
    FROM (SELECT id, rank FROM first_ones ORDER BY rank, id) AS ranked JOIN LATERAL (
        SELECT 1 FROM products
        WHERE products.id = ranked.id
          AND products.currency BETWEEN @min_currency AND @max_currency
          AND products.price_minor BETWEEN @min_price AND @max_price
          AND products.stock >= @min_stock
        OFFSET 0
    ) AS let_through ON true
    ORDER BY ranked.rank, ranked.id
    LIMIT @needed::bigint
), enough AS MATERIALIZED (
    SELECT (SELECT count(*) FROM first_ones) >= @needed::bigint AS unfiltered,
           count(*) >= @needed::bigint AS anywhere,
           count(*) FILTER (WHERE rank <= 2) >= @needed::bigint AS in_name,
           count(*) FILTER (WHERE rank = 1) >= @needed::bigint AS whole
    FROM walk
), few AS MATERIALIZED (
    SELECT product_id, names FROM product_documents
    WHERE (SELECT NOT unfiltered FROM enough) AND document @@ (SELECT anywhere FROM asked)
    UNION ALL
    SELECT product_id, names FROM product_documents
    WHERE (SELECT anywhere AND NOT in_name FROM enough) AND names @@ (SELECT anywhere FROM asked)
    UNION ALL
    SELECT product_id, names FROM product_documents
    WHERE (SELECT in_name AND NOT whole FROM enough) AND names @@ (SELECT whole FROM asked)
    UNION ALL -- common words, but the filter lets few through: here it comes first
    SELECT d.product_id, d.names
    FROM products JOIN LATERAL (
        SELECT product_id, names, document FROM product_documents WHERE product_id = products.id OFFSET 0
    ) AS d ON true, asked
    WHERE (SELECT unfiltered AND NOT anywhere FROM enough)
      AND products.currency BETWEEN @min_currency AND @max_currency
      AND products.price_minor BETWEEN @min_price AND @max_price
      AND products.stock >= @min_stock
      AND d.document @@ asked.anywhere
), found AS (
    SELECT id, rank FROM first_ones
    UNION
    SELECT few.product_id, CASE WHEN few.names @@ asked.whole THEN 1 WHEN few.names @@ asked.anywhere THEN 2 ELSE 3 END
    FROM few, asked
), best AS MATERIALIZED (
    SELECT products.id, 0 AS rank FROM products
    WHERE lower(products.sku) = lower(@wanted)
      AND products.currency BETWEEN @min_currency AND @max_currency
      AND products.price_minor BETWEEN @min_price AND @max_price
      AND products.stock >= @min_stock
    UNION ALL
    (SELECT ranked.id, ranked.rank
     FROM (SELECT id, rank FROM found ORDER BY rank, id) AS ranked JOIN LATERAL (
         SELECT 1 FROM products
         WHERE products.id = ranked.id
           AND products.currency BETWEEN @min_currency AND @max_currency
           AND products.price_minor BETWEEN @min_price AND @max_price
           AND products.stock >= @min_stock
         OFFSET 0
     ) AS let_through ON true
     ORDER BY ranked.rank, ranked.id
     LIMIT (@needed::bigint) + 1)
), by_sku AS MATERIALIZED (
    -- Those of the ranks before are fewer than needed, so twice as many will do.
    SELECT products.id FROM products
    WHERE (SELECT count(*) FROM best) < @needed::bigint
      AND lower(products.sku) ~>=~ lower(@wanted)
      AND lower(products.sku) ~<~ (lower(@wanted) || U&'\+10FFFF') -- which no SKU goes on with
      AND CASE WHEN products.currency BETWEEN @min_currency AND @max_currency
              AND products.price_minor BETWEEN @min_price AND @max_price
              AND products.stock >= @min_stock
          THEN true ELSE false END
    ORDER BY lower(products.sku) USING ~<~
    LIMIT 2 * (@needed::bigint)
), matches AS (
    SELECT id, min(rank) AS rank
    FROM (SELECT id, rank FROM best UNION ALL SELECT id, 4 FROM by_sku) AS ranks GROUP BY id
)
SELECT products.*
FROM matches JOIN products USING (id)
ORDER BY matches.rank, CASE WHEN matches.rank = 4 THEN lower(products.sku) END USING ~<~, products.id
LIMIT @max_items::bigint OFFSET @skipped::bigint;

-- name: UpdateProduct :one
-- expected_version 0 takes any version.
UPDATE products
SET sku         = @sku,
    name        = @name,
    description = @description,
    price_minor = @price_minor,
    currency    = @currency,
    stock       = @stock,
    version     = version + 1,
    updated_at  = greatest(updated_at, @now)
WHERE id = @id
  AND (@expected_version::bigint = 0 OR version = @expected_version::bigint)
RETURNING *;

-- name: DeleteProduct :execrows
-- expected_version 0 takes any version.
DELETE FROM products
WHERE id = @id
  AND (@expected_version::bigint = 0 OR version = @expected_version::bigint);

-- name: ProductVersion :one
SELECT version FROM products WHERE id = @id;
