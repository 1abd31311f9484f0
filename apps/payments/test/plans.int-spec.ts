import { OrderDiagnosisRpc, PaymentsRpc, ReconciliationRpc } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { eventually, type StatementPlan, StatementRecorder, testActor } from '@rookery/testing';
import { RunningPayments } from './payments-service';

/** What grows with the number of orders. */
const TABLES = ['payments', 'payment_attempts', 'charges', 'outbox', 'inbox'];
const PAYMENTS = 30_000;
/** The longest batch of the relay and of a range of records; a range of the inbox's BRIN index is 128 pages. */
const MOST_ROWS = 2_500;
const MOST_ROWS_OF_PRUNING = 10_000;
const PRUNING = /^DELETE FROM inbox/;

async function fill({ database }: RunningPayments): Promise<void> {
  await database.query(
    `INSERT INTO payments (id, order_id, customer_id, amount_minor, currency, status, purpose)
     SELECT gen_random_uuid(), uuidv7(i * interval '-1 s' - interval '3 days'), 'customer ' || i % 100, 1250, 'EUR', 'Captured', 'take'
     FROM generate_series(1, ${PAYMENTS}) AS i`,
  );
  await database.query(
    `INSERT INTO payment_attempts (payment_id, operation, idempotency_key, tries, started_at, finished_at, outcome)
     SELECT id, 'authorize', id || ':authorize', 1, now(), now(), 'authorized' FROM payments`,
  );
  await database.query(
    `INSERT INTO simulator.charges (key, order_id, amount_minor, currency, state)
     SELECT id || ':authorize', order_id, amount_minor, currency, 'captured' FROM payments`,
  );
  await database.query(
    `INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at, published_at)
     SELECT gen_random_uuid(), 'PaymentReserved', 1, 'payments', 's', id, 1, 'c', '{}', now(), now() FROM payments`,
  );
  await database.query(
    `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) SELECT 'payments', gen_random_uuid(), order_id, 1 FROM payments`,
  );
  await database.query('VACUUM ANALYZE');
}

describe(`payments with ${PAYMENTS} payments`, () => {
  const alice = testActor({ subject: 'alice' });
  const olga = testActor({ subject: 'olga', roles: ['operator'], scopes: ['orders:read', 'ops:read'] });
  let service: RunningPayments;
  let plans: readonly StatementPlan[];

  beforeAll(async () => {
    const statements = StatementRecorder.start();
    try {
      service = await RunningPayments.start();
      await fill(service);
      await walkTheSaga();
    } finally {
      statements.stop();
    }
    plans = await statements.plansIn(service.database, TABLES);
  }, 120_000);
  afterAll(() => service.stop());

  async function walkTheSaga(): Promise<void> {
    const status = async (orderId: string): Promise<string | undefined> =>
      (await service.caller.call(PaymentsRpc.list, { orderId }, { actor: alice })).items[0]?.status;
    for (const [end, settled] of [
      ['confirmed', 'Captured'],
      ['canceled', 'Released'],
    ] as const) {
      const { orderId } = await service.created('tok_ok');
      await eventually(async () => expect(await status(orderId)).toBe('Reserved'));
      await service[end](orderId);
      await eventually(async () => expect(await status(orderId)).toBe(settled));
      await service.caller.call(PaymentsRpc.list, { orderId }, { actor: olga });
      const trace = { id: orderId, eventIds: [uuidv7()] };
      await service.caller.call(OrderDiagnosisRpc.payments, trace, { actor: olga });
    }
    const range = { after: '00000000-0000-7000-8000-000000000000', upTo: uuidv7(), limit: 100 };
    await service.caller.call(ReconciliationRpc.payments, range, { actor: olga });
  }

  it.each([
    ['the payments of an order', /"root"\."order_id" = \$1.*"root"\."customer_id"/s],
    ['the lock of a payment', /FROM "payments" WHERE "id" = ANY\(\$1\) ORDER BY "id" FOR UPDATE/],
    ['the claim of due operations', /operation_due_at <= now\(\) ORDER BY operation_due_at/],
    ['the end of an attempt', /UPDATE payment_attempts/],
    ['the attempts of a payment', /FROM payment_attempts WHERE payment_id/],
    ['reconciliation records', /FROM payments\s+WHERE order_id > \$1/],
    ['the provider’s ledger', /FROM simulator\.charges\s+WHERE order_id > \$1/],
    ['the record in the inbox', /INSERT INTO inbox/],
    ['unpublished events', /published_at IS NULL ORDER BY/],
    ['the pruning of each table', /DELETE FROM outbox/],
  ])('has sent the statements of %s', (_, statement) => {
    expect(plans.map(({ text }) => text)).toContainEqual(expect.stringMatching(statement));
  });

  it('reads no table from beginning to end', () => {
    expect(plans.filter(({ wholeTables }) => wholeTables.length > 0)).toEqual([]);
  });

  it('reads a limited number of rows for a statement', () => {
    const limitOf = (text: string): number => (PRUNING.test(text) ? MOST_ROWS_OF_PRUNING : MOST_ROWS);
    expect(plans.filter(({ text, rowsRead = 0 }) => rowsRead > limitOf(text))).toEqual([]);
  });
});
