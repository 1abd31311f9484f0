import type { DifferenceKind, ProductView } from '@rookery/contracts';
import type { Databases } from './databases';

/** What may be spoiled: settled orders of one product, and products that nobody has bought. */
export interface Victims {
  /** At least seven. */
  readonly confirmed: readonly string[];
  /** At least three. */
  readonly canceled: readonly string[];
  /** At least three. */
  readonly products: readonly ProductView[];
  /** What the orders are of. */
  readonly sold: ProductView;
}

/** An id of the time of another, which no order has. */
const beside = (id: string, digit: number): string => `${id.slice(0, -12)}${String(digit).padStart(12, '0')}`;

/** Spoils one row for each kind of difference, in the databases themselves; answers each kind with the id it is found at. */
export async function plantDifferences(
  databases: Databases,
  { confirmed, canceled, products, sold: plenty }: Victims,
): Promise<readonly (readonly [DifferenceKind, string])[]> {
  const [unpaid = '', dear = '', doubled = '', uncaptured = '', unsold = '', relined = '', overcharged = ''] =
    confirmed;
  const [kept = '', held = '', orphaned = ''] = canceled;
  const [sum, reserved, sold] = products.map(({ id }) => id);
  const [overdue, strayPayment, strayCharge, strayReservation] = [1, 2, 3, 4].map((digit) => beside(unpaid, digit));
  const sql = (service: 'orders' | 'payments' | 'products', text: string, ...parameters: readonly unknown[]) =>
    databases.rows(service, text, parameters);

  // Nothing ends this order: the sweeper fails at it again and again.
  await sql(
    'orders',
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$`,
  );
  await sql(
    'orders',
    `CREATE TRIGGER stuck BEFORE UPDATE ON orders FOR EACH ROW WHEN (OLD.id = '${overdue}') EXECUTE FUNCTION refuse()`,
  );
  await sql(
    'orders',
    `INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', $2::uuid, 'status', 'Pending'))).*
     FROM orders o WHERE id = $1`,
    unpaid,
    overdue,
  );
  await sql('payments', `UPDATE payments SET status = 'Reserved' WHERE order_id = $1`, unpaid);
  await sql('payments', `UPDATE simulator.charges SET state = 'authorized' WHERE order_id = $1`, unpaid);
  await sql('payments', `UPDATE payments SET amount_minor = amount_minor + 1 WHERE order_id = $1`, dear);
  await sql('payments', `UPDATE simulator.charges SET amount_minor = amount_minor + 1 WHERE order_id = $1`, dear);
  await sql(
    'payments',
    `INSERT INTO simulator.charges SELECT key || ':again', order_id, amount_minor, currency, state
     FROM simulator.charges WHERE order_id = $1`,
    doubled,
  );
  await sql('payments', `UPDATE simulator.charges SET state = 'authorized' WHERE order_id = $1`, uncaptured);
  await sql(
    'payments',
    `UPDATE simulator.charges SET amount_minor = amount_minor + 1 WHERE order_id = $1`,
    overcharged,
  );
  await sql('payments', `INSERT INTO simulator.charges VALUES ('planted', $1, 1, 'EUR', 'captured')`, strayCharge);
  await sql('payments', `UPDATE payments SET status = 'Authorizing' WHERE order_id = $1`, kept);
  await sql(
    'payments',
    `UPDATE payments SET status = 'Failed', order_id = $2 WHERE order_id = $1`,
    orphaned,
    strayPayment,
  );
  await sql('products', `UPDATE reservations SET status = 'Released' WHERE id = $1`, unsold);
  await sql(
    'products',
    `UPDATE reservations SET lines = jsonb_set(lines, '{0,quantity}', '77') WHERE id = $1`,
    relined,
  );
  await sql('products', `UPDATE reservations SET status = 'Awaiting' WHERE id = $1`, held);
  await sql('products', `INSERT INTO reservations (id) VALUES ($1)`, strayReservation);
  await sql('products', 'ALTER TABLE stock DROP CONSTRAINT stock_adds_up');
  await sql('products', 'UPDATE stock SET available = available + 1 WHERE product_id = $1', sum);
  await sql(
    'products',
    'UPDATE stock SET available = available - 1, reserved = reserved + 1 WHERE product_id = $1',
    reserved,
  );
  await sql('products', 'UPDATE stock SET available = available - 1, sold = sold + 1 WHERE product_id = $1', sold);

  return [
    ['order-overdue', overdue ?? ''],
    ['payment-missing', unpaid],
    ['payment-amount', dear],
    ['double-charge', doubled],
    ['charge-state', uncaptured],
    ['charge-amount', overcharged],
    ['charge-without-payment', strayCharge ?? ''],
    ['payment-kept', kept],
    ['payment-without-order', strayPayment ?? ''],
    ['reservation-missing', unsold],
    ['reservation-lines', relined],
    ['reservation-kept', held],
    ['reservation-without-order', strayReservation ?? ''],
    ['stock-sum', sum ?? ''],
    ['stock-reserved', reserved ?? ''],
    ['stock-sold', sold ?? ''],
    // Of the reservations that were changed.
    ['stock-sold', plenty.id],
  ];
}
