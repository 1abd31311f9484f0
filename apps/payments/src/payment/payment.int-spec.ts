import { jest } from '@jest/globals';
import fc from 'fast-check';
import { uuidv7 } from '@rookery/platform';
import { eventually, withWallClockAhead } from '@rookery/testing';
import { amount } from '../../test/builders';
import { PaymentsOnPostgres } from '../../test/payments-on-postgres';

const LEASE_MS = 15_000;

describe('payments on Postgres, with the worker', () => {
  let bank: PaymentsOnPostgres;

  beforeAll(async () => {
    bank = await PaymentsOnPostgres.start();
    bank.startWorker();
  });
  afterAll(() => bank.stop());

  const becomes = (orderId: string, status: string): Promise<void> =>
    eventually(async () => expect(await bank.statusOf(orderId)).toBe(status));

  it('reserve with tok_ok and capture once the order is confirmed', async () => {
    const orderId = await bank.order('tok_ok');
    await becomes(orderId, 'Reserved');
    await bank.service.orderConfirmed(orderId);
    await becomes(orderId, 'Captured');
    expect(await bank.chargesOf(orderId)).toEqual([{ state: 'captured', amount_minor: amount.amountMinor }]);
    expect(await bank.eventsOf(orderId)).toEqual(['PaymentReserved', 'PaymentCaptured']);
  });

  it('release once the order is canceled', async () => {
    const orderId = await bank.order('tok_ok');
    await becomes(orderId, 'Reserved');
    await bank.service.orderCanceled(orderId);
    await becomes(orderId, 'Released');
    expect(await bank.chargesOf(orderId)).toEqual([{ state: 'voided', amount_minor: amount.amountMinor }]);
    expect(await bank.eventsOf(orderId)).toEqual(['PaymentReserved', 'PaymentReleased']);
  });

  it('charge once when the provider charged and its answer was lost', async () => {
    const orderId = await bank.order('tok_timeout_then_ok');
    await becomes(orderId, 'Reserved');
    expect(await bank.chargesOf(orderId)).toEqual([{ state: 'authorized', amount_minor: amount.amountMinor }]);
    expect(await attemptsOf(orderId)).toEqual([
      { operation: 'authorize', tries: 1, outcome: 'unknown' },
      { operation: 'authorize', tries: 2, outcome: 'authorized' },
    ]);
  });

  it.each([
    ['tok_declined', 'payment-declined'],
    ['tok_insufficient_funds', 'insufficient-funds'],
    ['tok_never_heard_of', 'payment-declined'],
  ])('fail with %s: %s', async (token, reason) => {
    const orderId = await bank.order(token);
    await becomes(orderId, 'Failed');
    expect(await failureOf(orderId)).toMatchObject({ orderId, amount, reason });
  });

  it('fail with payment-error when the provider never answers, and void the key so that no late answer charges', async () => {
    const orderId = await bank.order('tok_error');
    await becomes(orderId, 'Failed');
    expect(await failureOf(orderId)).toMatchObject({ reason: 'payment-error' });
    const [payment] = await bank.database.query<{ id: string }>('SELECT id FROM payments WHERE order_id = $1', [
      orderId,
    ]);
    const late = { key: `${payment?.id}:authorize`, token: 'tok_ok', amount, orderId };
    expect(await bank.simulator.authorize(late, new AbortController().signal)).toMatchObject({ kind: 'declined' });
  });

  it('fail with payment-error when the token cannot be opened', async () => {
    const orderId = uuidv7();
    await bank.service.orderCreated({
      orderId,
      customerId: 'alice',
      lines: [],
      total: amount,
      sealedPaymentToken: 'sealed.by.somebody.else.really',
    });
    await becomes(orderId, 'Failed');
    expect(await failureOf(orderId)).toMatchObject({ reason: 'payment-error' });
    expect(await bank.chargesOf(orderId)).toEqual([]);
  });

  it('give back an authorization that succeeds after the cancellation', async () => {
    const orderId = await bank.order('tok_slow');
    await bank.service.orderCanceled(orderId);
    await becomes(orderId, 'Released');
    expect((await bank.chargesOf(orderId)).map(({ state }) => state)).toEqual(['voided']);
  });

  it('charge once when the database was restored to before the payment and receives the order again', async () => {
    const orderId = uuidv7();
    await bank.created(orderId, 'tok_ok');
    await bank.service.orderConfirmed(orderId);
    await becomes(orderId, 'Captured');
    await bank.database.query(
      `DELETE FROM payment_attempts WHERE payment_id IN (SELECT id FROM payments WHERE order_id = $1)`,
      [orderId],
    );
    await bank.database.query(
      `DELETE FROM outbox WHERE aggregate_id IN (SELECT id FROM payments WHERE order_id = $1)`,
      [orderId],
    );
    await bank.database.query('DELETE FROM payments WHERE order_id = $1', [orderId]);

    await bank.created(orderId, 'tok_ok');
    await bank.service.orderConfirmed(orderId);
    await becomes(orderId, 'Captured');
    expect(await bank.chargesOf(orderId)).toEqual([{ state: 'captured', amount_minor: amount.amountMinor }]);
  });

  it('are one per order, however many events of it arrive at once', async () => {
    for (let order = 0; order < 20; order += 1) {
      const ids = await bank.openTogether(uuidv7(), 8);
      expect(new Set(ids).size).toBe(1);
    }
  });

  it('keep no sealed token after its use', async () => {
    const orderId = await bank.order('tok_ok');
    await becomes(orderId, 'Reserved');
    const rows = await bank.database.query('SELECT sealed_token FROM payments WHERE order_id = $1', [orderId]);
    expect(rows).toEqual([{ sealed_token: null }]);
  });

  it('are visible only to their customer and to operators, and not before they have a public status', async () => {
    const actor = { issuer: 'i', clientId: null, scopes: ['orders:read'], roles: ['customer'] };
    const slow = await bank.order('tok_slow');
    expect(await bank.service.list(slow, { ...actor, subject: 'alice' })).toEqual({ items: [] });
    const orderId = await bank.order('tok_ok');
    await becomes(orderId, 'Reserved');
    const own = await bank.service.list(orderId, { ...actor, subject: 'alice' });
    expect(own.items).toEqual([expect.objectContaining({ orderId, status: 'Reserved', amount })]);
    expect(await bank.service.list(orderId, { ...actor, subject: 'olga', roles: ['operator'] })).toEqual(own);
    expect(await bank.service.list(orderId, { ...actor, subject: 'bob' })).toEqual({ items: [] });
    expect(await bank.service.list(uuidv7(), { ...actor, subject: 'alice' })).toEqual({ items: [] });
  });

  it('keep I3 and I9 whatever the order and repetition of the orders’ events', async () => {
    const token = fc.constantFrom('tok_ok', 'tok_declined', 'tok_timeout_then_ok');
    const steps = fc.shuffledSubarray(['created', 'canceled', 'created', 'canceled'] as const, { minLength: 4 });
    const order = fc.record({ token, steps });
    await fc.assert(
      fc.asyncProperty(fc.array(order, { minLength: 1, maxLength: 8 }), async (orders) => {
        const ids = orders.map(() => uuidv7());
        await Promise.all(
          orders.map(async ({ token, steps }, index) => {
            const orderId = ids[index] ?? '';
            for (const step of steps) {
              if (step === 'created') {
                await bank.created(orderId, token);
              } else {
                await bank.service.orderCanceled(orderId);
              }
            }
          }),
        );
        await eventually(async () => expect(await openOperations(ids)).toBe(0));
        const charges = (await Promise.all(ids.map((id) => bank.chargesOf(id)))).flat();
        for (const { state } of charges) {
          expect(['voided', 'payment-declined']).toContain(state);
        }
      }),
      { numRuns: 10 },
    );
  }, 60_000);

  const openOperations = async (orderIds: readonly string[]): Promise<number | undefined> => {
    const sql = 'SELECT count(*)::int AS count FROM payments WHERE operation IS NOT NULL AND order_id = ANY($1)';
    return (await bank.database.query<{ count: number }>(sql, [orderIds]))[0]?.count;
  };

  const attemptsOf = (orderId: string): Promise<readonly unknown[]> =>
    bank.database.query(
      `SELECT a.operation, a.tries, a.outcome FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
       WHERE p.order_id = $1 ORDER BY a.id`,
      [orderId],
    );

  const failureOf = async (orderId: string): Promise<unknown> => {
    const sql = "SELECT data FROM outbox WHERE name = 'PaymentFailed' AND data ->> 'orderId' = $1";
    return (await bank.database.query<{ data: unknown }>(sql, [orderId]))[0]?.data;
  };
});

describe('a crash in payments', () => {
  let bank: PaymentsOnPostgres;

  // No worker runs: each test is the worker, up to where it dies.
  beforeEach(async () => {
    bank = await PaymentsOnPostgres.start();
  });
  afterEach(() => bank.stop());

  const claimAfterTheLease = async () => {
    expect(await bank.attempts.claim(1, LEASE_MS)).toEqual([]);
    await bank.database.advanceClock(LEASE_MS);
    return bank.attempts.claim(1, LEASE_MS);
  };

  it('between the provider’s charge and its recording charges once', async () => {
    const orderId = await bank.order('tok_ok');
    const [dead] = await bank.attempts.claim(1, LEASE_MS);
    if (!dead) {
      throw new Error('nothing was due');
    }
    await bank.simulator.authorize({ key: dead.key, token: 'tok_ok', amount, orderId }, new AbortController().signal);

    // Once the lease has ended another worker finds it.
    const [retry] = await claimAfterTheLease();
    expect(retry).toMatchObject({ key: dead.key, tries: 2 });
    if (retry) {
      await bank.callerOf(bank.simulator).execute(retry);
    }
    expect(await bank.statusOf(orderId)).toBe('Reserved');
    expect(await bank.chargesOf(orderId)).toEqual([{ state: 'authorized', amount_minor: amount.amountMinor }]);
    expect(await bank.eventsOf(orderId)).toEqual(['PaymentReserved']);
  });

  it('before the call loses nothing, because the attempt is stored with its key', async () => {
    const orderId = await bank.order('tok_ok');
    await bank.attempts.claim(1, LEASE_MS);
    const [retry] = await claimAfterTheLease();
    if (retry) {
      await bank.callerOf(bank.simulator).execute(retry);
    }
    expect(await bank.statusOf(orderId)).toBe('Reserved');
  });

  it('has no second effect when the worker was only paused and continues after its lease', async () => {
    const orderId = await bank.order('tok_ok');
    const caller = bank.callerOf(bank.simulator);
    const [stopped] = await bank.attempts.claim(1, LEASE_MS);
    const [retry] = await claimAfterTheLease();
    if (retry) {
      await caller.execute(retry);
    }
    if (stopped) {
      await caller.execute(stopped);
    }
    expect(await bank.eventsOf(orderId)).toEqual(['PaymentReserved']);
    expect(await bank.chargesOf(orderId)).toHaveLength(1);
  });

  it.each([70_000, -10_000])('is due when the database says so, to a process that is %i ms ahead', async (ms) => {
    await withWallClockAhead(ms, async () => {
      await bank.order('tok_ok');
      expect(await bank.attempts.claim(1, LEASE_MS)).toHaveLength(1);
      expect(await bank.attempts.claim(1, LEASE_MS)).toEqual([]);
    });
    expect(await bank.attempts.claim(1, LEASE_MS)).toEqual([]);
    await bank.database.advanceClock(LEASE_MS);
    expect(await bank.attempts.claim(1, LEASE_MS)).toHaveLength(1);
  });

  it('gives parallel workers different operations', async () => {
    await Promise.all(Array.from({ length: 20 }, () => bank.order('tok_ok')));
    const claims = await Promise.all(Array.from({ length: 10 }, () => bank.attempts.claim(5, LEASE_MS)));
    const keys = claims.flat().map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    const rest = await bank.attempts.claim(100, LEASE_MS);
    expect(keys.length + rest.length).toBe(20);
  });

  it('does not wait for a hanging provider: after the time-out the operation is due again', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(50));
    const orderId = await bank.order('tok_ok');
    jest.spyOn(bank.simulator, 'authorize').mockImplementation(() => new Promise(() => undefined));
    const [attempt] = await bank.attempts.claim(1, 3_600_000);
    if (attempt) {
      await bank.callerOf(bank.simulator).execute(attempt);
    }
    jest.restoreAllMocks();
    const [payment] = await bank.database.query<{ operation_due_at: Date }>(
      'SELECT operation_due_at FROM payments WHERE order_id = $1',
      [orderId],
    );
    expect(payment?.operation_due_at.getTime()).toBeLessThan(Date.now() + 1_000);
  });
});
