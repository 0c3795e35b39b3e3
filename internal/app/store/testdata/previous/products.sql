-- name: CreateProduct :one
INSERT INTO products (id, sku, name, description, price_minor, currency, stock, version, created_at, updated_at)
VALUES (@id, @sku, @name, @description, @price_minor, @currency, @stock, 1, @now, @now)
RETURNING *;

-- name: GetProduct :one
SELECT * FROM products WHERE id = @id;

-- name: ListProducts :many
SELECT * FROM products WHERE id > @after ORDER BY id LIMIT @max_items::bigint;

-- name: SearchProducts :many
-- The inner limit bounds what has to be ranked when a short prefix matches much.
SELECT matches.*
FROM (
    SELECT * FROM products
    WHERE product_document(name, description)
          @@ (to_tsquery('pg_catalog.simple', @prefixes) || websearch_to_tsquery('pg_catalog.english', @words))
       OR lower(sku) LIKE @sku_pattern
    LIMIT 1000
) AS matches
ORDER BY
    lower(matches.sku) = lower(@words) DESC,
    ts_rank(product_document(matches.name, matches.description),
            to_tsquery('pg_catalog.simple', @prefixes) || websearch_to_tsquery('pg_catalog.english', @words)) DESC,
    matches.id
LIMIT @max_items::bigint;

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
