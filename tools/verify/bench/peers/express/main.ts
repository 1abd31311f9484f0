// Express 5 and pg in one process: an order is one transaction.
import express, { type Request } from 'express';
import { Pool, type PoolClient } from 'pg';
import {
  CUSTOMER,
  isReady,
  listQuery,
  ORDER_COLUMNS,
  type OrderedLine,
  type OrderRow,
  orderView,
  POOL_SIZE,
  PRODUCT_COLUMNS,
  type ProductRow,
  productView,
  setting,
  totalOf,
  type WantedLine,
  wantedLines,
} from '../shop';

const pool = new Pool({ connectionString: setting('DATABASE_URL'), max: POOL_SIZE });
const app = express();
app.disable('x-powered-by');
app.use(express.json());

app.get('/v1/products', async (request, response) => {
  const { category, limit } = listQuery(request.query);
  const { rows } = await pool.query<ProductRow>({
    name: 'products',
    text: `SELECT ${PRODUCT_COLUMNS} FROM products WHERE category = $1 ORDER BY name, id LIMIT $2`,
    values: [category, limit],
  });
  response.json({ items: rows.map(productView), nextCursor: null });
});

app.get('/v1/products/:id', async (request: Request<{ id: string }>, response) => {
  const { rows } = await pool.query<ProductRow>({
    name: 'product',
    text: `SELECT ${PRODUCT_COLUMNS} FROM products WHERE id = $1`,
    values: [request.params.id],
  });
  const [product] = rows;
  if (product === undefined) {
    response.status(404).json({ title: 'There is no such product' });
    return;
  }
  response.json(productView(product));
});

app.get('/v1/orders', async (request, response) => {
  const { rows } = await pool.query<OrderRow>({
    name: 'orders',
    text: `SELECT ${ORDER_COLUMNS} FROM orders WHERE customer_id = $1 ORDER BY id DESC LIMIT $2`,
    values: [CUSTOMER, listQuery(request.query).limit],
  });
  response.json({ items: rows.map(orderView), nextCursor: null });
});

app.post('/v1/orders', async (request, response) => {
  const lines = wantedLines(request.body);
  if (lines === undefined) {
    response.status(400).json({ title: 'lines: must name products and quantities' });
    return;
  }
  const order = await place(lines);
  if (order === undefined) {
    response.status(409).json({ title: 'A product is out of stock' });
    return;
  }
  response.status(201).json(orderView(order));
});

app.listen(Number(setting('PORT')), '127.0.0.1', isReady);

async function place(lines: readonly WantedLine[]): Promise<OrderRow | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const sold = await reserve(client, lines);
    const order = sold === undefined ? undefined : await record(client, sold);
    await client.query(order === undefined ? 'ROLLBACK' : 'COMMIT');
    return order;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function reserve(client: PoolClient, lines: readonly WantedLine[]): Promise<readonly OrderedLine[] | undefined> {
  const sold: OrderedLine[] = [];
  for (const { productId, quantity } of lines) {
    const { rows } = await client.query<ProductRow>({
      name: 'reserve',
      text: `UPDATE products SET available = available - $2 WHERE id = $1 AND available >= $2
             RETURNING sku, name, price_minor, currency`,
      values: [productId, quantity],
    });
    const [product] = rows;
    if (product === undefined) {
      return undefined;
    }
    const { sku, name, price_minor, currency } = product;
    sold.push({ productId, sku, name, quantity, unitPrice: { amountMinor: Number(price_minor), currency } });
  }
  return sold;
}

async function record(client: PoolClient, lines: readonly OrderedLine[]): Promise<OrderRow | undefined> {
  const total = totalOf(lines);
  const currency = lines[0]?.unitPrice.currency;
  const { rows } = await client.query<OrderRow>({
    name: 'order',
    text: `INSERT INTO orders (customer_id, status, lines, total_minor, currency)
           VALUES ($1, 'Confirmed', $2, $3, $4) RETURNING ${ORDER_COLUMNS}`,
    values: [CUSTOMER, JSON.stringify(lines), total, currency],
  });
  await client.query({
    name: 'payment',
    text: `INSERT INTO payments (order_id, amount_minor, currency, status) VALUES ($1, $2, $3, 'Captured')`,
    values: [rows[0]?.id, total, currency],
  });
  return rows[0];
}
