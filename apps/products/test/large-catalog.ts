import type { TestDatabase } from '@rookery/testing';

/** More than a search sorts; most names begin with Z, so that they are the last ones by name. */
export const PRODUCTS = 20_000;

/**
 * Fills the catalog: three fifths are zebras. Every thousandth product is in the category `rare`, every second of the oldest quarter in `old`, every hundredth has its price in JPY, and
 * one has a description.
 */
export async function fillCatalog(database: TestDatabase): Promise<void> {
  // Filled before it is made, as in any bulk load: ten times as fast.
  const [index] = await database.query<{ definition: string }>(
    `SELECT pg_get_indexdef('products_by_grams'::regclass) AS definition`,
  );
  await database.query('DROP INDEX products_by_grams');
  await database.query(
    `INSERT INTO products (id, version, event_sequence, sku, name, description, category, price_minor, currency, created_at, updated_at)
     SELECT uuidv7(), 1, 1, 'S-' || i, CASE WHEN i % 5 < 3 THEN 'Zebra ' ELSE 'Aardvark ' END || i * 7919 % ${PRODUCTS},
            CASE i WHEN 777 THEN 'A zebra like no other' END, CASE WHEN i > 15000 AND i % 2 = 0 THEN 'old' WHEN i % 1000 = 1 THEN 'rare' ELSE 'frequent' END, i * 37 % 5000,
            CASE WHEN i % 100 = 1 THEN 'JPY' ELSE 'EUR' END, now() - i * interval '1 minute', now()
     FROM generate_series(1, ${PRODUCTS}) AS i`,
  );
  await database.query('INSERT INTO stock (product_id, initial, available) SELECT id, 10, 10 FROM products');
  await database.query(index?.definition ?? '');
  await database.query('ALTER INDEX products_by_grams ALTER COLUMN 1 SET STATISTICS 0');
  await database.query('VACUUM ANALYZE');
}
