// Orders and their payments.
import { type Context, Errors } from 'moleculer';
import { Pool } from 'pg';
import {
  CUSTOMER,
  isReady,
  ORDER_COLUMNS,
  type OrderedLine,
  type OrderRow,
  orderView,
  POOL_SIZE,
  setting,
  totalOf,
  wantedLines,
} from '../shop';
import { brokerOf } from './broker';

const pool = new Pool({ connectionString: setting('DATABASE_URL'), max: POOL_SIZE });
const broker = brokerOf('orders');
broker.createService({
  name: 'orders',
  dependencies: ['products'],
  actions: {
    list: {
      params: { limit: { type: 'number', convert: true, default: 20 } },
      async handler(context: Context<{ limit: number }>) {
        const { rows } = await pool.query<OrderRow>({
          name: 'orders',
          text: `SELECT ${ORDER_COLUMNS} FROM orders WHERE customer_id = $1 ORDER BY id DESC LIMIT $2`,
          values: [CUSTOMER, context.params.limit],
        });
        return { items: rows.map(orderView), nextCursor: null };
      },
    },
    async place(context: Context<unknown, { $statusCode?: number }>) {
      const lines = wantedLines(context.params);
      if (lines === undefined) {
        throw new Errors.MoleculerClientError('lines: must name products and quantities', 400);
      }
      const sold = await context.call<readonly OrderedLine[], { lines: typeof lines }>('products.reserve', { lines });
      const order = await record(sold).catch(async (error: unknown) => {
        await context.call('products.release', { lines });
        throw error;
      });
      context.meta.$statusCode = 201;
      return orderView(order);
    },
  },
});
await broker.start();
isReady();

/** The order and its payment, in one statement. */
async function record(lines: readonly OrderedLine[]): Promise<OrderRow> {
  const { rows } = await pool.query<OrderRow>({
    name: 'record',
    text: `WITH placed AS (
             INSERT INTO orders (customer_id, status, lines, total_minor, currency)
             VALUES ($1, 'Confirmed', $2, $3, $4) RETURNING ${ORDER_COLUMNS}),
           paid AS (
             INSERT INTO payments (order_id, amount_minor, currency, status)
             SELECT id, total_minor, currency, 'Captured' FROM placed)
           SELECT ${ORDER_COLUMNS} FROM placed`,
    values: [CUSTOMER, JSON.stringify(lines), totalOf(lines), lines[0]?.unitPrice.currency],
  });
  const [order] = rows;
  if (order === undefined) {
    throw new Error('the order was not stored');
  }
  return order;
}
