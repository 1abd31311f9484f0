import type { Client } from 'pg';
import type { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { withDatabase } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';

/** How much a system holds. */
export interface Size {
  readonly orders: number;
  readonly products: number;
}

/** Rows in one statement: the progress moves, and no statement becomes a transaction of minutes. */
const BATCH = 100_000;
export const CATEGORIES = 50;

const PRODUCTS = `
  INSERT INTO products (id, version, event_sequence, sku, name, description, category, price_minor, currency, created_at, updated_at)
  SELECT uuidv7(), 1, 1, 'SKU-' || md5(i::text),
         CASE WHEN i % 25 = 0 THEN 'Zebra ' ELSE '' END || (ARRAY['Nest box', 'Feeder', 'Bird bath', 'Perch', 'Lamp'])[1 + i % 5] || ' ' || i,
         'For birds that live in gardens, number ' || i || '. Weatherproof and easy to clean, with a removable front. Made in a small '
           || 'workshop of wood that grew nearby. ' || md5((i * 7)::text),
         'category ' || i % ${CATEGORIES}, i * 37 % 100000, CASE WHEN i % 11 = 0 THEN 'JPY' ELSE 'EUR' END,
         now() - i * interval '1 minute', now()
  FROM generate_series($1::int, $2::int) AS i`;

/** One order in twenty is of the given customer; of all every five hundredth is Canceled, and a few are Pending. Three days old and older. */
const ORDERS = `
  INSERT INTO orders (id, version, event_sequence, customer_id, status, reason, lines, total_minor, currency, payment_reserved_at,
                      stock_reserved_at, deadline_at, created_at, updated_at)
  SELECT id, 4, 2, CASE WHEN i % 20 = 0 THEN $3 ELSE 'customer ' || i % 10007 END, status,
         CASE status WHEN 'Canceled' THEN 'customer-request' END,
         jsonb_build_array(jsonb_build_object('productId', id, 'sku', 'SKU-1', 'name', 'Nest box', 'quantity', 1,
           'unitPrice', jsonb_build_object('amountMinor', 1250, 'currency', 'EUR'))),
         1250, 'EUR', now(), now(), now() + interval '10 days', now() - interval '3 days', now()
  FROM (SELECT i, uuidv7(interval '-3 days' - i * interval '100 ms') AS id,
               CASE WHEN i IN (100, 200, 300, 301, 302) THEN 'Pending' WHEN i % 10000 < 100 AND i % 5 = 0 THEN 'Canceled' ELSE 'Confirmed' END AS status
        FROM generate_series($1::int, $2::int) AS i) AS made`;

const STEPS = `
  INSERT INTO order_timeline (order_id, event, service, at, attempt)
  SELECT id, event, 'orders', now(), 1 FROM (SELECT id FROM orders ORDER BY id OFFSET $1::int - 1 LIMIT $2::int - $1::int + 1) AS made,
         unnest(ARRAY['OrderCreated', 'OrderConfirmed']) AS event`;

/** Fills databases of a running stack through SQL. */
export async function fill(stack: IsolatedStack, size: Size, customer: string, progress: Progress): Promise<void> {
  await progress.step(`${size.products} products`, () =>
    withDatabase(stack.databaseUrl('products'), (client) => fillCatalog(client, size.products)),
  );
  await progress.step(`${size.orders} orders`, () =>
    withDatabase(stack.databaseUrl('orders'), async (client) => {
      await inBatches(size.orders, (from, to) => client.query(ORDERS, [from, to, customer]));
      await inBatches(size.orders, (from, to) => client.query(STEPS, [from, to]));
      await client.query('VACUUM ANALYZE');
    }),
  );
  await progress.step(`${size.orders} payments`, () => copyOrders(stack, size.orders));
}

async function fillCatalog(client: Client, products: number): Promise<void> {
  // Rebuilt at the end, as in any bulk load: ten times as fast.
  const { rows } = await client.query<{ definition: string }>(
    `SELECT pg_get_indexdef('products_by_grams'::regclass) AS definition`,
  );
  await client.query('DROP INDEX products_by_grams');
  await inBatches(products, (from, to) => client.query(PRODUCTS, [from, to]));
  await client.query('INSERT INTO stock (product_id, initial, available) SELECT id, 10, 10 FROM products');
  await client.query(rows[0]?.definition ?? '');
  await client.query('ALTER INDEX products_by_grams ALTER COLUMN 1 SET STATISTICS 0');
  await client.query('VACUUM ANALYZE');
}

/** A payment for each order. */
async function copyOrders(stack: IsolatedStack, orders: number): Promise<void> {
  await withDatabase(stack.databaseUrl('orders'), (from) =>
    withDatabase(stack.databaseUrl('payments'), async (to) => {
      await inBatches(orders, async (first, last) => {
        const { rows } = await from.query<{ id: string; customer_id: string }>(
          'SELECT id, customer_id FROM orders ORDER BY id OFFSET $1 LIMIT $2',
          [first - 1, last - first + 1],
        );
        await to.query(
          `INSERT INTO payments (id, order_id, customer_id, amount_minor, currency, status, purpose)
           SELECT gen_random_uuid(), id, customer, 1250, 'EUR', 'Captured', 'take' FROM unnest($1::uuid[], $2::text[]) AS o (id, customer)`,
          [rows.map(({ id }) => id), rows.map((row) => row.customer_id)],
        );
      });
      await to.query('VACUUM ANALYZE');
    }),
  );
}

async function inBatches(count: number, batch: (from: number, to: number) => Promise<unknown>): Promise<void> {
  for (let from = 1; from <= count; from += BATCH) {
    await batch(from, Math.min(from + BATCH - 1, count));
  }
}
