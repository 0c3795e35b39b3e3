-- name: PricedProducts :many
SELECT id, sku, name, price_minor, currency FROM products WHERE id = ANY (@ids::uuid[]);

-- name: CreateOrder :execrows
-- It waits for another that has the same key and isn't committed yet.
INSERT INTO orders (id, owner, idempotency_key, fingerprint, status, reason, total_minor, currency, version, created_at, updated_at)
VALUES (@id, @owner, @idempotency_key, @fingerprint, @status, '', @total_minor, @currency, 1, @now, @now)
ON CONFLICT (owner, idempotency_key) DO NOTHING;

-- name: CreateOrderLines :exec
INSERT INTO order_lines (order_id, position, product_id, sku, name, quantity, unit_price_minor)
SELECT @order_id::uuid, unnest(@positions::int[]), unnest(@product_ids::uuid[]), unnest(@skus::text[]),
       unnest(@names::text[]), unnest(@quantities::bigint[]), unnest(@prices::bigint[]);

-- name: OrderByKey :one
SELECT * FROM orders WHERE owner = @owner AND idempotency_key = @idempotency_key;

-- name: GetOrder :one
SELECT * FROM orders WHERE id = @id;

-- name: LockOrder :one
SELECT * FROM orders WHERE id = @id FOR UPDATE;

-- name: ListOrders :many
-- An empty owner or status is any; the greatest ID begins.
SELECT * FROM orders
WHERE id < @before
  AND (@owner::text = '' OR owner = @owner::text)
  AND (@status::text = '' OR status = @status::text)
ORDER BY id DESC
LIMIT @max_items::bigint;

-- name: ListOwnOrders :many
SELECT * FROM orders
WHERE owner = @owner
  AND id < @before
  AND (@status::text = '' OR status = @status::text)
ORDER BY id DESC
LIMIT @max_items::bigint;

-- name: OrderLines :many
SELECT * FROM order_lines WHERE order_id = ANY (@order_ids::uuid[]) ORDER BY order_id, position;

-- name: ChangeOrder :one
UPDATE orders
SET status     = @status,
    reason     = @reason,
    version    = version + 1,
    updated_at = greatest(updated_at, @now)
WHERE id = @id
RETURNING *;

-- name: LockStock :many
-- By ID: two orders of the same products never wait for each other both ways.
SELECT id, stock FROM products WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR UPDATE;

-- name: MoveStock :many
UPDATE products
SET stock      = products.stock + moved.pieces,
    version    = products.version + 1,
    updated_at = greatest(products.updated_at, @now)
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@pieces::bigint[]) AS pieces) AS moved
WHERE products.id = moved.id
RETURNING products.id, products.version;
