-- A thousand products in the tables of Rookery, with ids that a script can compute.
INSERT INTO products.products (id, version, event_sequence, sku, name, category, price_minor, currency, created_at, updated_at)
  SELECT md5(number::text)::uuid, 1, 1, 'SKU-' || number, 'Nest box ' || number, 'c' || number % 50, 1250, 'EUR', now(), now()
  FROM generate_series(1, 1000) AS number;
INSERT INTO products.stock (product_id, initial, available) SELECT id, 1000000, 1000000 FROM products.products;
