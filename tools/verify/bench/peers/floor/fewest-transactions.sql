-- The fewest transactions that keep the promises of an order: five, with sixteen writes, in the tables of Rookery. Each change of a service, the
-- event that it causes (outbox) and the event that caused it (inbox) are one transaction; nothing is read, no event is published.
\set product random(1, 1000)
-- 1. orders: the order, its idempotency key, its event
START TRANSACTION;
INSERT INTO orders.orders ("id", "version", "event_sequence", "created_at", "updated_at", "customer_id", "status", "lines", "total_minor", "currency", "deadline_at")
  VALUES (uuidv7(), 1, 1, now(), now(), '01a22ee0-942b-758a-b098-981ed1d98ac2', 'Pending', '[{"sku": "SKU-1", "name": "Nest box", "quantity": 1, "productId": "01a22ee0-9538-714c-b067-ee6020fdd0e4", "unitPrice": {"currency": "EUR", "amountMinor": 1250}}]', 1250, 'EUR', now() + interval '60 s') RETURNING id AS order_id \gset
INSERT INTO orders.idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
  VALUES ('http://localhost', '01a22ee0-942b-758a-b098-981ed1d98ac2', 'rookery-cli', :order_id, 'AW-sl4Vp2LIBb6gh1d4pAEMYyU9oVoqlEMxYGl5WBi8', '{"id": "01a22ee0-aecc-76b7-a8fb-8685b1164c4c", "status": "Pending", "reason": null, "lines": [{"sku": "SKU-1", "name": "Nest box", "quantity": 1, "productId": "01a22ee0-9538-714c-b067-ee6020fdd0e4", "unitPrice": {"currency": "EUR", "amountMinor": 1250}}], "total": {"amountMinor": 1250, "currency": "EUR"}, "version": 1}', now() + make_interval(secs => 86400));
INSERT INTO orders.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at)
  VALUES (uuidv7(), 'OrderCreated', 1, 'orders', 'events.orders.order.order-created.v1', :order_id, 1, '01a22ee0-aec1-751d-8328-f86df9caece2', '{"total": 1250}', now());
COMMIT;
-- 2. payments: the event, the provider's charge, the payment, its event
START TRANSACTION;
INSERT INTO payments.inbox (consumer, event_id, aggregate_id, sequence) VALUES ('payments', uuidv7(), :order_id, 1);
INSERT INTO simulator.charges (key, order_id, amount_minor, currency, state) VALUES (concat(:order_id::uuid, chr(58), 'authorize'), :order_id, 1250, 'EUR', 'authorized');
INSERT INTO payments.payments (id, order_id, version, event_sequence, customer_id, amount_minor, currency, status)
  VALUES (uuidv7(), :order_id, 1, 1, '01a22ee0-942b-758a-b098-981ed1d98ac2', 1250, 'EUR', 'Reserved');
INSERT INTO payments.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at)
  VALUES (uuidv7(), 'PaymentReserved', 1, 'payments', 'events.payments.payment.payment-reserved.v1', :order_id, 1, '01a22ee0-aec1-751d-8328-f86df9caece2', '{"total": 1250}', now());
COMMIT;
-- 3. products: the event, the stock, the reservation, its event
START TRANSACTION;
INSERT INTO products.inbox (consumer, event_id, aggregate_id, sequence) VALUES ('products', uuidv7(), :order_id, 1);
INSERT INTO products.reservations (id, version, event_sequence, lines, paid, status)
  VALUES (:order_id, 1, 1, jsonb_build_array(jsonb_build_object('productId', md5(:product::text)::uuid, 'quantity', 1)), true, 'Reserved');
INSERT INTO products.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at)
  VALUES (uuidv7(), 'StockReserved', 1, 'products', 'events.products.reservation.stock-reserved.v1', :order_id, 1, '01a22ee0-aec1-751d-8328-f86df9caece2', '{"total": 1250}', now());
UPDATE products.stock SET available = available - 1, reserved = reserved + 1 WHERE product_id = md5(:product::text)::uuid AND available >= 1;
COMMIT;
-- 4. orders: the event, the order, its event
START TRANSACTION;
INSERT INTO orders.inbox (consumer, event_id, aggregate_id, sequence) VALUES ('orders', uuidv7(), :order_id, 1);
UPDATE orders.orders SET "version" = 2, "event_sequence" = 2, "updated_at" = now(), "status" = 'Confirmed', "payment_reserved_at" = now(), "stock_reserved_at" = now()
  WHERE "id" = :order_id;
INSERT INTO orders.outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at)
  VALUES (uuidv7(), 'OrderConfirmed', 1, 'orders', 'events.orders.order.order-confirmed.v1', :order_id, 2, '01a22ee0-aec1-751d-8328-f86df9caece2', '{"total": 1250}', now());
COMMIT;
-- 5. payments: the event, the payment
START TRANSACTION;
INSERT INTO payments.inbox (consumer, event_id, aggregate_id, sequence) VALUES ('payments', uuidv7(), :order_id, 2);
UPDATE payments.payments SET "version" = 2, "updated_at" = now(), "status" = 'Captured' WHERE order_id = :order_id;
COMMIT;
