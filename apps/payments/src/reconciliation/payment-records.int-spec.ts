import { MAX_RECORDS, type PaymentRecord, ReconciliationRpc } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { amount } from '../../test/builders';
import { PaymentsOnPostgres } from '../../test/payments-on-postgres';

const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

describe('the records of payments', () => {
  let payments: PaymentsOnPostgres;
  /** Below the ids of the orders of one test. */
  let after: string;

  beforeAll(async () => {
    payments = await PaymentsOnPostgres.start();
    payments.startWorker();
  });
  beforeEach(() => {
    after = uuidv7();
  });
  afterAll(() => payments.stop());

  const list = async (limit = MAX_RECORDS, upTo = LAST) =>
    ReconciliationRpc.payments.response.parse(await payments.records.list({ after, upTo, limit }));
  const settled = async (token: string, status: string): Promise<string> => {
    const orderId = await payments.order(token);
    await eventually(async () => expect(await payments.statusOf(orderId)).toBe(status));
    return orderId;
  };
  const corrupt = (sql: string, orderId: string) => payments.database.query(sql, [orderId]);
  const kindsOf = ({ ledger }: PaymentRecord) => ledger.map(({ kind }) => kind);

  it('show where the money of each order is, and that the provider agrees', async () => {
    const [captured, released] = [await settled('tok_ok', 'Reserved'), await settled('tok_ok', 'Reserved')];
    const declined = await settled('tok_declined', 'Failed');
    const reserved = await settled('tok_timeout_then_ok', 'Reserved');
    await payments.service.orderConfirmed(captured);
    await payments.service.orderCanceled(released);
    const unheard = uuidv7();
    await payments.service.orderCanceled(unheard);
    await eventually(async () =>
      expect((await list()).items).toMatchObject(
        [
          [captured, 'Captured', 'taken', amount],
          [released, 'Released', 'none', amount],
          [declined, 'Failed', 'none', amount],
          [reserved, 'Reserved', 'held', amount],
          [unheard, 'Expected', 'none', null],
        ].map(([orderId, status, money, of]) => ({
          orderId,
          payment: { status, money, amount: of },
          ledger: [],
        })),
      ),
    );
    expect((await list()).upTo).toBe(LAST);
  });

  it.each([
    ['charge-state', `UPDATE simulator.charges SET state = 'refunded' WHERE order_id = $1`],
    ['charge-amount', `UPDATE simulator.charges SET amount_minor = amount_minor + 1 WHERE order_id = $1`],
    ['charge-amount', `UPDATE simulator.charges SET currency = 'USD' WHERE order_id = $1`],
    ['charge-state', `DELETE FROM simulator.charges WHERE order_id = $1`],
    [
      'double-charge',
      `INSERT INTO simulator.charges SELECT key || 'x', order_id, amount_minor, currency, 'captured'
       FROM simulator.charges WHERE order_id = $1`,
    ],
    [
      'charge-without-payment',
      `WITH gone AS (DELETE FROM payment_attempts a USING payments p WHERE p.id = a.payment_id AND p.order_id = $1)
       UPDATE payments SET order_id = gen_random_uuid() WHERE order_id = $1`,
    ],
  ])('show %s after %s', async (kind, sql) => {
    const orderId = await settled('tok_ok', 'Reserved');
    await corrupt(sql, orderId);
    const { items } = await list(MAX_RECORDS, orderId);
    expect(items.map((item) => [item.orderId, kindsOf(item)])).toEqual([[orderId, [kind]]]);
  });

  it('are listed page by page, each once and in the order of the orders, whichever side has them', async () => {
    const ids = Array.from({ length: 9 }, () => uuidv7());
    for (const [index, orderId] of ids.entries()) {
      if (index % 3 !== 0) {
        await payments.service.orderCanceled(orderId);
      }
      if (index % 3 === 1) {
        continue;
      }
      // Two charges of one order never come apart.
      await corrupt(
        `INSERT INTO simulator.charges SELECT $1 || n::text, $1::uuid, 1, 'EUR', 'captured' FROM generate_series(1, 2) n`,
        orderId,
      );
    }
    const [last = ''] = ids.slice(-1);
    for (const limit of [1, 2, 4, 100]) {
      const seen: PaymentRecord[] = [];
      for (let reached = after; reached < last;) {
        const page = await payments.records.list({ after: reached, upTo: last, limit });
        expect(page.items.length).toBeLessThanOrEqual(2 * limit);
        seen.push(...page.items);
        reached = page.upTo;
      }
      expect(seen.map(({ orderId }) => orderId)).toEqual(ids);
      expect(seen.flatMap(({ payment, ledger }) => (payment === null ? ledger : []))).toMatchObject(
        Array(3).fill({ kind: 'charge-without-payment', provider: 'captured 1 EUR, captured 1 EUR' }),
      );
    }
  });
});
