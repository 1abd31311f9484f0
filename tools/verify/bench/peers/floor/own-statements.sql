-- One order of Rookery as Postgres sees it: the statements of orders, payments, products and their relays, one transaction per step, in the
-- order of an idle system. Taken from the servers' logs (log_statement = all) on 2026-11-30, commit 4a0c926. Three things differ: ids are made
-- here, values that no index and no condition needs are constants, and a claim takes this order's payment only. The polls are left out.
\set product random(1, 1000)
-- products: the quote
SELECT p.id AS product_id, p.sku, p.name, p.description, p.category, p.price_minor, p.currency, p.version, p.created_at, p.updated_at, s.available
  FROM products.products p JOIN products.stock s ON s.product_id = p.id
  WHERE (p.archived_at IS NULL OR false) AND p.id = ANY(ARRAY[md5(:product::text)]::uuid[]) ORDER BY p.id \gset
-- orders: the order is placed
SELECT uuidv7() AS order_id, fingerprint, response FROM (SELECT) AS one LEFT JOIN orders.idempotency_key
  ON issuer = 'http://localhost' AND subject = '01a22ee0-942b-758a-b098-981ed1d98ac2' AND client_id = 'rookery-cli' AND key = :product_id::text AND expires_at > now() \gset
START TRANSACTION;
SELECT WHERE pg_try_advisory_xact_lock(hashtextextended(:order_id::text, 0));
SELECT fingerprint, response FROM orders.idempotency_key
  WHERE issuer = 'http://localhost' AND subject = '01a22ee0-942b-758a-b098-981ed1d98ac2' AND client_id = 'rookery-cli' AND key = :order_id AND expires_at > now();
SELECT now() AS now;
INSERT INTO orders.orders ("id", "version", "event_sequence", "created_at", "updated_at", "customer_id", "status", "reason", "lines", "total_minor", "currency", "payment_reserved_at", "stock_reserved_at", "deadline_at")
  VALUES (:order_id, 1, 1, now(), now(), '01a22ee0-942b-758a-b098-981ed1d98ac2', 'Pending', NULL, '[{"sku": "SKU-1", "name": "Nest box", "quantity": 1, "productId": "01a22ee0-9538-714c-b067-ee6020fdd0e4", "unitPrice": {"currency": "EUR", "amountMinor": 1250}}]', 1250, 'EUR', NULL, NULL, now() + interval '60 s');
INSERT INTO orders.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, occurred_at)
  SELECT event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data::jsonb, now()
  FROM unnest(ARRAY[uuidv7()], ARRAY['OrderCreated'], ARRAY[1], ARRAY['orders'], ARRAY['events.orders.order.order-created.v1'], ARRAY[:order_id]::uuid[], ARRAY[1],
    ARRAY['01a22ee0-aec1-751d-8328-f86df9caece2'], ARRAY['01a22ee0-aec3-76e9-b53b-8eb6ee388710'],
    ARRAY['00-10c1323744e89a6f6e3969b6c917902e-a8554a58a91bd745-01'], ARRAY['{"id": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c", "status": "Pending", "reason": null, "lines": [{"sku": "SKU-1", "name": "Nest box", "quantity": 1, "productId": "01a22ee0-9538-714c-b067-ee6020fdd0e4", "unitPrice": {"currency": "EUR", "amountMinor": 1250}}], "total": {"amountMinor": 1250, "currency": "EUR"}, "version": 1}'])
  WITH ORDINALITY AS event (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, position)
  ORDER BY position RETURNING id AS created \gset
INSERT INTO orders.order_timeline ("order_id", "position", "event", "service", "at", "attempt", "causation_id", "trace_id")
  VALUES (:order_id, DEFAULT, 'OrderCreated', 'orders', now(), 1, '01a22ee0-aec3-76e9-b53b-8eb6ee388710', '10c1323744e89a6f6e3969b6c917902e');
INSERT INTO orders.idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
  VALUES ('http://localhost', '01a22ee0-942b-758a-b098-981ed1d98ac2', 'rookery-cli', :order_id, 'AW-sl4Vp2LIBb6gh1d4pAEMYyU9oVoqlEMxYGl5WBi8', '{"id": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c", "status": "Pending", "reason": null, "lines": [{"sku": "SKU-1", "name": "Nest box", "quantity": 1, "productId": "01a22ee0-9538-714c-b067-ee6020fdd0e4", "unitPrice": {"currency": "EUR", "amountMinor": 1250}}], "total": {"amountMinor": 1250, "currency": "EUR"}, "version": 1}', now() + make_interval(secs => 86400))
  ON CONFLICT ON CONSTRAINT idempotency_key_pk DO UPDATE
  SET fingerprint = excluded.fingerprint, response = excluded.response, expires_at = excluded.expires_at;
COMMIT;
SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence, occurred_at AS time,
  correlation_id AS "correlationId", causation_id AS "causationId", traceparent, data::text AS data
  FROM orders.outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 500;
UPDATE orders.outbox SET published_at = now() WHERE id = ANY(ARRAY[:created]::bigint[]);
-- payments: OrderCreated
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO payments.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'payments', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:order_id]::uuid[], ARRAY[1], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM payments.inbox WHERE consumer = 'payments' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
INSERT INTO payments.payments (id, order_id) VALUES (uuidv7(), :order_id) ON CONFLICT DO NOTHING RETURNING id AS payment_id \gset
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause", now()
  FROM payments.payments WHERE "id" = :payment_id FOR UPDATE;
UPDATE payments.payments SET "version" = 2, "customer_id" = '01a22ee0-942b-758a-b098-981ed1d98ac2', "amount_minor" = 1250, "currency" = 'EUR',
  "sealed_token" = 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..e4bGjCdOXd7ZcxuI.jUeAJG81.lMI73s4rO-gvhtZo6uCuvA', "status" = 'Authorizing', "operation" = 'authorize', "operation_due_at" = now(), "cause" = '{"causationId": "01a22ee0-aefc-7535-95cb-6f43ad351954", "traceparent": "00-10c1323744e89a6f6e3969b6c917902e-800b7b5c0bc5e201-01", "correlationId": "01a22ee0-aec1-751d-8328-f86df9caece2"}'
  WHERE "id" = :payment_id;
COMMIT;
-- payments: the provider authorizes
WITH due AS (
    SELECT id FROM payments.payments WHERE operation_due_at <= now() AND id = :payment_id ORDER BY operation_due_at LIMIT 32 FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE payments.payments p SET operation_due_at = now() + make_interval(secs => 15), operation_tries = p.operation_tries + 1
    FROM due WHERE p.id = due.id RETURNING p.id, p.operation, p.operation_tries
  ), noted AS (
    INSERT INTO payments.payment_attempts (payment_id, operation, idempotency_key, tries, started_at)
    SELECT id, operation, id || ':' || operation, operation_tries, now() FROM claimed
    RETURNING id, payment_id, operation, idempotency_key, tries
  )
  SELECT id AS attempt_id FROM noted ORDER BY id \gset
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause"
  FROM payments.payments WHERE "id" = :payment_id;
INSERT INTO simulator.charges AS known (key, order_id, amount_minor, currency, state) VALUES (concat(:payment_id::uuid, chr(58), 'authorize'), :order_id, 1250, 'EUR', 'authorized')
  ON CONFLICT (key) DO UPDATE SET state = known.state RETURNING state, xmax = 0 AS first;
START TRANSACTION;
SET LOCAL lock_timeout = 200;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause", now()
  FROM payments.payments WHERE "id" = :payment_id FOR UPDATE;
UPDATE payments.payments SET "version" = 3, "event_sequence" = 1, "updated_at" = now(), "sealed_token" = NULL, "status" = 'Reserved', "operation" = NULL,
  "operation_due_at" = NULL, "operation_tries" = 0 WHERE "id" = :payment_id;
INSERT INTO payments.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, occurred_at)
  SELECT event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data::jsonb, now()
  FROM unnest(ARRAY[uuidv7()], ARRAY['PaymentReserved'], ARRAY[1], ARRAY['payments'], ARRAY['events.payments.payment.payment-reserved.v1'], ARRAY[:payment_id]::uuid[], ARRAY[1],
    ARRAY['01a22ee0-aec1-751d-8328-f86df9caece2'], ARRAY['01a22ee0-aec3-76e9-b53b-8eb6ee388710'],
    ARRAY['00-10c1323744e89a6f6e3969b6c917902e-a8554a58a91bd745-01'], ARRAY['{"orderId": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c", "amount": {"amountMinor": 1250, "currency": "EUR"}}'])
  WITH ORDINALITY AS event (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, position)
  ORDER BY position RETURNING id AS reserved \gset
UPDATE payments.payment_attempts SET finished_at = now(), outcome = 'authorized' WHERE id = :attempt_id;
COMMIT;
SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence, occurred_at AS time,
  correlation_id AS "correlationId", causation_id AS "causationId", traceparent, data::text AS data
  FROM payments.outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 500;
UPDATE payments.outbox SET published_at = now() WHERE id = ANY(ARRAY[:reserved]::bigint[]);
-- products: OrderCreated
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO products.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'products', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:order_id]::uuid[], ARRAY[1], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM products.inbox WHERE consumer = 'products' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
INSERT INTO products.reservations (id) VALUES (:order_id) ON CONFLICT (id) DO NOTHING;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "lines", "paid", "status", now() FROM products.reservations WHERE "id" = :order_id FOR UPDATE;
UPDATE products.reservations SET "version" = 2, "lines" = jsonb_build_array(jsonb_build_object('productId', :product_id::uuid, 'quantity', 1)) WHERE "id" = :order_id;
COMMIT;
-- products: PaymentReserved
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO products.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'products', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:payment_id]::uuid[], ARRAY[1], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM products.inbox WHERE consumer = 'products' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
INSERT INTO products.reservations (id) VALUES (:order_id) ON CONFLICT (id) DO NOTHING;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "lines", "paid", "status", now() FROM products.reservations WHERE "id" = :order_id FOR UPDATE;
SELECT s.product_id, s.available, p.archived_at IS NOT NULL AS archived
  FROM products.stock s JOIN products.products p ON p.id = s.product_id
  WHERE s.product_id = ANY(ARRAY[:product_id]::uuid[]) ORDER BY s.product_id FOR UPDATE OF s;
UPDATE products.stock s SET available = s.available - w.quantity, reserved = s.reserved + w.quantity
  FROM unnest(ARRAY[:product_id]::uuid[], ARRAY[1]::bigint[]) AS w (product_id, quantity)
  WHERE s.product_id = w.product_id AND s.available >= w.quantity;
UPDATE products.reservations SET "version" = 3, "event_sequence" = 1, "updated_at" = now(), "paid" = true, "status" = 'Reserved' WHERE "id" = :order_id;
INSERT INTO products.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, occurred_at)
  SELECT event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data::jsonb, now()
  FROM unnest(ARRAY[uuidv7()], ARRAY['StockReserved'], ARRAY[1], ARRAY['products'], ARRAY['events.products.reservation.stock-reserved.v1'], ARRAY[:order_id]::uuid[], ARRAY[1],
    ARRAY['01a22ee0-aec1-751d-8328-f86df9caece2'], ARRAY['01a22ee0-aec3-76e9-b53b-8eb6ee388710'],
    ARRAY['00-10c1323744e89a6f6e3969b6c917902e-a8554a58a91bd745-01'], ARRAY['{"orderId": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c"}'])
  WITH ORDINALITY AS event (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, position)
  ORDER BY position RETURNING id AS held \gset
COMMIT;
SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence, occurred_at AS time,
  correlation_id AS "correlationId", causation_id AS "causationId", traceparent, data::text AS data
  FROM products.outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 500;
UPDATE products.outbox SET published_at = now() WHERE id = ANY(ARRAY[:held]::bigint[]);
-- orders: PaymentReserved
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO orders.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'orders', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:payment_id]::uuid[], ARRAY[1], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM orders.inbox WHERE consumer = 'orders' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "customer_id", "status", "reason", "lines", "total_minor", "currency", "payment_reserved_at", "stock_reserved_at", "deadline_at", now()
  FROM orders.orders WHERE "id" = :order_id FOR UPDATE;
UPDATE orders.orders SET "version" = 2, "updated_at" = now(), "payment_reserved_at" = now() WHERE "id" = :order_id;
INSERT INTO orders.order_timeline ("order_id", "position", "event", "service", "at", "attempt", "causation_id", "trace_id")
  VALUES (:order_id, DEFAULT, 'PaymentReserved', 'payments', now(), 1, '01a22ee0-aec3-76e9-b53b-8eb6ee388710', '10c1323744e89a6f6e3969b6c917902e');
COMMIT;
-- orders: StockReserved
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO orders.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'orders', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:order_id]::uuid[], ARRAY[1], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM orders.inbox WHERE consumer = 'orders' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "customer_id", "status", "reason", "lines", "total_minor", "currency", "payment_reserved_at", "stock_reserved_at", "deadline_at", now()
  FROM orders.orders WHERE "id" = :order_id FOR UPDATE;
UPDATE orders.orders SET "version" = 3, "event_sequence" = 2, "updated_at" = now(), "status" = 'Confirmed', "stock_reserved_at" = now() WHERE "id" = :order_id;
INSERT INTO orders.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, occurred_at)
  SELECT event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data::jsonb, now()
  FROM unnest(ARRAY[uuidv7()], ARRAY['OrderConfirmed'], ARRAY[1], ARRAY['orders'], ARRAY['events.orders.order.order-confirmed.v1'], ARRAY[:order_id]::uuid[], ARRAY[2],
    ARRAY['01a22ee0-aec1-751d-8328-f86df9caece2'], ARRAY['01a22ee0-aec3-76e9-b53b-8eb6ee388710'],
    ARRAY['00-10c1323744e89a6f6e3969b6c917902e-a8554a58a91bd745-01'], ARRAY['{"orderId": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c"}'])
  WITH ORDINALITY AS event (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, position)
  ORDER BY position RETURNING id AS confirmed \gset
INSERT INTO orders.order_timeline ("order_id", "position", "event", "service", "at", "attempt", "causation_id", "trace_id")
  VALUES (:order_id, DEFAULT, 'StockReserved', 'products', now(), 1, '01a22ee0-aec3-76e9-b53b-8eb6ee388710', '10c1323744e89a6f6e3969b6c917902e'), (:order_id, DEFAULT, 'OrderConfirmed', 'orders', now(), 1, '01a22ee0-aec3-76e9-b53b-8eb6ee388710', '10c1323744e89a6f6e3969b6c917902e');
COMMIT;
SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence, occurred_at AS time,
  correlation_id AS "correlationId", causation_id AS "causationId", traceparent, data::text AS data
  FROM orders.outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 500;
UPDATE orders.outbox SET published_at = now() WHERE id = ANY(ARRAY[:confirmed]::bigint[]);
-- payments: OrderConfirmed
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO payments.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'payments', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:order_id]::uuid[], ARRAY[2], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM payments.inbox WHERE consumer = 'payments' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
INSERT INTO payments.payments (id, order_id) VALUES (:payment_id, :order_id) ON CONFLICT DO NOTHING RETURNING id;
SELECT id FROM payments.payments WHERE order_id = :order_id;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause", now()
  FROM payments.payments WHERE "id" = :payment_id FOR UPDATE;
UPDATE payments.payments SET "version" = 4, "updated_at" = now(), "purpose" = 'take', "operation" = 'capture', "operation_due_at" = now(), "cause" = '{"causationId": "01a22ee0-aefc-7535-95cb-6f43ad351954", "traceparent": "00-10c1323744e89a6f6e3969b6c917902e-800b7b5c0bc5e201-01", "correlationId": "01a22ee0-aec1-751d-8328-f86df9caece2"}'
  WHERE "id" = :payment_id;
COMMIT;
-- payments: the provider captures
WITH due AS (
    SELECT id FROM payments.payments WHERE operation_due_at <= now() AND id = :payment_id ORDER BY operation_due_at LIMIT 32 FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE payments.payments p SET operation_due_at = now() + make_interval(secs => 15), operation_tries = p.operation_tries + 1
    FROM due WHERE p.id = due.id RETURNING p.id, p.operation, p.operation_tries
  ), noted AS (
    INSERT INTO payments.payment_attempts (payment_id, operation, idempotency_key, tries, started_at)
    SELECT id, operation, id || ':' || operation, operation_tries, now() FROM claimed
    RETURNING id, payment_id, operation, idempotency_key, tries
  )
  SELECT id AS attempt_id FROM noted ORDER BY id \gset
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause"
  FROM payments.payments WHERE "id" = :payment_id;
UPDATE simulator.charges SET state = 'captured' WHERE key = concat(:payment_id::uuid, chr(58), 'authorize') AND state IN ('authorized', 'captured');
START TRANSACTION;
SET LOCAL lock_timeout = 200;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "order_id", "customer_id", "amount_minor", "currency", "sealed_token", "status", "purpose", "operation", "operation_due_at", "operation_tries", "cause", now()
  FROM payments.payments WHERE "id" = :payment_id FOR UPDATE;
UPDATE payments.payments SET "version" = 5, "event_sequence" = 2, "updated_at" = now(), "status" = 'Captured', "operation" = NULL, "operation_due_at" = NULL,
  "operation_tries" = 0 WHERE "id" = :payment_id;
INSERT INTO payments.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, occurred_at)
  SELECT event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data::jsonb, now()
  FROM unnest(ARRAY[uuidv7()], ARRAY['PaymentCaptured'], ARRAY[1], ARRAY['payments'], ARRAY['events.payments.payment.payment-captured.v1'], ARRAY[:payment_id]::uuid[], ARRAY[2],
    ARRAY['01a22ee0-aec1-751d-8328-f86df9caece2'], ARRAY['01a22ee0-aec3-76e9-b53b-8eb6ee388710'],
    ARRAY['00-10c1323744e89a6f6e3969b6c917902e-a8554a58a91bd745-01'], ARRAY['{"orderId": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c"}'])
  WITH ORDINALITY AS event (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data, position)
  ORDER BY position RETURNING id AS captured \gset
UPDATE payments.payment_attempts SET finished_at = now(), outcome = 'captured' WHERE id = :attempt_id;
COMMIT;
SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence, occurred_at AS time,
  correlation_id AS "correlationId", causation_id AS "causationId", traceparent, data::text AS data
  FROM payments.outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 500;
UPDATE payments.outbox SET published_at = now() WHERE id = ANY(ARRAY[:captured]::bigint[]);
-- products: OrderConfirmed
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO products.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'products', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:order_id]::uuid[], ARRAY[2], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM products.inbox WHERE consumer = 'products' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
INSERT INTO products.reservations (id) VALUES (:order_id) ON CONFLICT (id) DO NOTHING;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "lines", "paid", "status", now() FROM products.reservations WHERE "id" = :order_id FOR UPDATE;
SELECT s.product_id, s.available, p.archived_at IS NOT NULL AS archived
  FROM products.stock s JOIN products.products p ON p.id = s.product_id
  WHERE s.product_id = ANY(ARRAY[:product_id]::uuid[]) ORDER BY s.product_id FOR UPDATE OF s;
UPDATE products.stock s SET reserved = s.reserved - w.quantity, sold = s.sold + w.quantity
  FROM unnest(ARRAY[:product_id]::uuid[], ARRAY[1]::bigint[]) AS w (product_id, quantity)
  WHERE s.product_id = w.product_id AND s.reserved >= w.quantity;
UPDATE products.reservations SET "version" = 4, "updated_at" = now(), "status" = 'Shipped' WHERE "id" = :order_id;
COMMIT;
-- products: PaymentCaptured
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO products.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'products', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:payment_id]::uuid[], ARRAY[2], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM products.inbox WHERE consumer = 'products' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
COMMIT;
-- orders: PaymentCaptured
START TRANSACTION;
SET LOCAL lock_timeout = 200;
INSERT INTO orders.inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT 'orders', id, aggregate_id, sequence, clock_timestamp()
  FROM unnest(ARRAY[uuidv7()], ARRAY[:payment_id]::uuid[], ARRAY[2], ARRAY[false]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM orders.inbox WHERE consumer = 'orders' AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id;
SELECT "id", "version", "event_sequence", "created_at", "updated_at", "customer_id", "status", "reason", "lines", "total_minor", "currency", "payment_reserved_at", "stock_reserved_at", "deadline_at", now()
  FROM orders.orders WHERE "id" = :order_id FOR UPDATE;
INSERT INTO orders.order_timeline ("order_id", "position", "event", "service", "at", "attempt", "causation_id", "trace_id")
  VALUES (:order_id, DEFAULT, 'PaymentCaptured', 'payments', now(), 1, '01a22ee0-aec3-76e9-b53b-8eb6ee388710', '10c1323744e89a6f6e3969b6c917902e');
COMMIT;
