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
-- The best of the products that match, by these ranks: 0, the text is the
-- SKU; 1, all its words are in the name, whole; 2, they begin words of the name or
-- share their stems; 3, they do so in name or description; 4, it begins the SKU.
-- Within a rank the oldest come first; in the last they go by SKU.
--
-- An index on words finds all of their products, which takes long if those are
-- many. But then the first thousand products hold enough of them. So look there,
-- and only for ranks that few have ask the index for the rest.
WITH asked AS MATERIALIZED (
    SELECT product_query(@wanted) AS anywhere,
           plainto_tsquery('pg_catalog.simple', product_words(@wanted)) AS whole
), let_through AS NOT MATERIALIZED (
    SELECT products.id, lower(products.sku) AS small_sku FROM products
    WHERE (@currency::text = '' OR products.currency = @currency::text)
      AND products.price_minor BETWEEN @min_price AND @max_price
      AND products.stock >= @min_stock
), shown AS NOT MATERIALIZED (
    SELECT let_through.id, let_through.small_sku FROM let_through WHERE small_sku <> lower(@wanted)
), first_ones AS MATERIALIZED (
    SELECT d.product_id, d.names, d.document
    FROM (SELECT product_id, names, document FROM product_documents ORDER BY product_id LIMIT 1000) AS d, asked
    WHERE d.document @@ asked.anywhere
), walk AS MATERIALIZED (
    SELECT shown.id,
           CASE WHEN d.names @@ asked.whole THEN 1 WHEN d.names @@ asked.anywhere THEN 2 ELSE 3 END AS rank
    FROM first_ones AS d JOIN shown ON shown.id = d.product_id, asked
), enough AS MATERIALIZED (
    SELECT count(*) >= @needed::bigint AS anywhere,
           count(*) FILTER (WHERE rank <= 2) >= @needed::bigint AS in_name,
           count(*) FILTER (WHERE rank = 1) >= @needed::bigint AS whole,
           (SELECT count(*) FROM first_ones) >= @needed::bigint AS unfiltered
    FROM walk
), found AS (
    SELECT id, 0 AS rank FROM let_through WHERE small_sku = lower(@wanted)
    UNION
    SELECT id, rank FROM walk
    UNION
    SELECT shown.id, CASE WHEN d.names @@ asked.whole THEN 1 WHEN d.names @@ asked.anywhere THEN 2 ELSE 3 END
    FROM product_documents AS d JOIN shown ON shown.id = d.product_id, asked
    WHERE (SELECT NOT unfiltered FROM enough)
      AND d.document @@ (SELECT anywhere FROM asked)
    UNION -- the words are common, but the filter lets few through: begin with those
    SELECT shown.id, CASE WHEN d.names @@ asked.whole THEN 1 WHEN d.names @@ asked.anywhere THEN 2 ELSE 3 END
    FROM product_documents AS d JOIN shown ON shown.id = d.product_id, asked
    WHERE (SELECT unfiltered AND NOT anywhere FROM enough)
      AND (d.document @@ asked.anywhere) IS TRUE
    UNION
    SELECT shown.id, CASE WHEN d.names @@ asked.whole THEN 1 ELSE 2 END
    FROM product_documents AS d JOIN shown ON shown.id = d.product_id, asked
    WHERE (SELECT anywhere AND NOT in_name FROM enough)
      AND d.names @@ (SELECT anywhere FROM asked)
    UNION
    SELECT shown.id, 1
    FROM product_documents AS d JOIN shown ON shown.id = d.product_id
    WHERE (SELECT in_name AND NOT whole FROM enough)
      AND d.names @@ (SELECT whole FROM asked)
), best AS MATERIALIZED (
    SELECT id, rank FROM found ORDER BY rank, id LIMIT @needed::bigint
), by_sku AS MATERIALIZED (
    SELECT id, 4 AS rank FROM shown
    WHERE (SELECT count(*) FROM best) < @needed::bigint
      AND small_sku ~>=~ lower(@wanted)
      AND small_sku ~<~ (lower(@wanted) || U&'\+10FFFF') -- which no SKU goes on with
      AND NOT EXISTS (
          SELECT 1 FROM product_documents AS d, asked
          WHERE d.product_id = shown.id AND (d.document @@ asked.anywhere) IS TRUE
      )
    ORDER BY small_sku USING ~<~
    LIMIT @needed::bigint
)
SELECT products.*
FROM (SELECT id, rank FROM best UNION ALL SELECT id, rank FROM by_sku) AS matches
JOIN products USING (id)
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
