// The catalog and the stock.
import { type Context, Errors } from 'moleculer';
import { Pool } from 'pg';
import {
  isReady,
  type OrderedLine,
  POOL_SIZE,
  PRODUCT_COLUMNS,
  type ProductRow,
  productView,
  setting,
  type WantedLine,
} from '../shop';
import { brokerOf } from './broker';

const pool = new Pool({ connectionString: setting('DATABASE_URL'), max: POOL_SIZE });
const broker = brokerOf('products');
broker.createService({
  name: 'products',
  actions: {
    list: {
      params: { category: 'string', limit: { type: 'number', convert: true, default: 20 } },
      async handler(context: Context<{ category: string; limit: number }>) {
        const { category, limit } = context.params;
        const { rows } = await pool.query<ProductRow>({
          name: 'products',
          text: `SELECT ${PRODUCT_COLUMNS} FROM products WHERE category = $1 ORDER BY name, id LIMIT $2`,
          values: [category, limit],
        });
        return { items: rows.map(productView), nextCursor: null };
      },
    },
    get: {
      params: { id: 'uuid' },
      async handler(context: Context<{ id: string }>) {
        const { rows } = await pool.query<ProductRow>({
          name: 'product',
          text: `SELECT ${PRODUCT_COLUMNS} FROM products WHERE id = $1`,
          values: [context.params.id],
        });
        const [product] = rows;
        if (product === undefined) {
          throw new Errors.MoleculerClientError('There is no such product', 404);
        }
        return productView(product);
      },
    },
    reserve: {
      params: { lines: 'array' },
      handler: (context: Context<{ lines: readonly WantedLine[] }>) => reserve(context.params.lines),
    },
    release: {
      params: { lines: 'array' },
      async handler(context: Context<{ lines: readonly WantedLine[] }>) {
        for (const { productId, quantity } of context.params.lines) {
          await pool.query('UPDATE products SET available = available + $2 WHERE id = $1', [productId, quantity]);
        }
      },
    },
  },
});
await broker.start();
isReady();

/** Takes the units of every line, or of none. */
async function reserve(lines: readonly WantedLine[]): Promise<readonly OrderedLine[]> {
  const { rows } = await pool.query<ProductRow & { quantity: number; wanted: string }>({
    name: 'reserve',
    text: `WITH line AS (SELECT * FROM unnest($1::uuid[], $2::integer[]) AS line (id, quantity)),
           held AS (SELECT p.id FROM products p JOIN line USING (id) WHERE p.available >= line.quantity ORDER BY p.id FOR UPDATE OF p)
           UPDATE products p SET available = p.available - line.quantity FROM line
           WHERE p.id = line.id AND (SELECT count(*) FROM held) = (SELECT count(*) FROM line)
           RETURNING p.id, p.sku, p.name, p.price_minor, p.currency, line.quantity`,
    values: [lines.map(({ productId }) => productId), lines.map(({ quantity }) => quantity)],
  });
  if (rows.length < lines.length) {
    throw new Errors.MoleculerClientError('A product is out of stock', 409);
  }
  return rows.map(({ id, sku, name, quantity, price_minor, currency }) => ({
    productId: id,
    sku,
    name,
    quantity,
    unitPrice: { amountMinor: Number(price_minor), currency },
  }));
}
