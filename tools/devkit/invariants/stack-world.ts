import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventProducers, type OrderStatus, OrderView, type Service } from '@rookery/contracts';
import type { RetryingLoad } from '../client/retrying-load';
import { asAdmin, messagesOf, streamsOf } from '../stack/broker-reader';
import { type IsolatedStack, ORDER_DEADLINE_SECONDS } from '../stack/isolated-stack';
import { rowsOf } from '../stack/rows';
import { brokenAtRest } from './invariants';
import type { EffectFacts, EventFacts, OrderFacts, Poison, StockFacts, Violation, World } from './world';

/** The end of a run against a stack. */
export interface Aftermath {
  readonly stack: IsolatedStack;
  readonly load: RetryingLoad;
  readonly poison: readonly Poison[];
  /** What no log may contain, besides the stack's own secrets. */
  readonly secretTexts: readonly string[];
  /** How long the sweeper was without its process or its database, at most. */
  readonly sweeperAwayMs: number;
  /**
   * How many times longer than usual the sweeper may take.
   * @default 1
   */
  readonly leniency?: number;
}

const SWEPT_WITHIN_SECONDS = 20;

/** Consumers whose inbox takes every event of a producer; the others take only what they handle. */
const COMPLETE: Readonly<Partial<Record<Service, readonly Service[]>>> = {
  orders: ['payments', 'products'],
  payments: ['orders'],
};

/** Checks I1 to I12, the answers of the load, and that no connection of a service is left in the middle of its work. */
export async function violationsOf(aftermath: Aftermath): Promise<readonly Violation[]> {
  const [world, busy] = await Promise.all([readWorld(aftermath), busyConnections(aftermath.stack)]);
  return [
    ...aftermath.load.anomalies.map(({ at, what }) => ({ invariant: 'answers', what: `${at} ${what}` })),
    ...brokenAtRest(world),
    ...busy.map((what) => ({ invariant: 'connections', what })),
  ];
}

/** Reads the four databases, the streams, the dead letters, the provider's ledger, the customers' history and the logs. */
export async function readWorld(aftermath: Aftermath): Promise<World> {
  const { stack, load, poison, secretTexts, sweeperAwayMs, leniency = 1 } = aftermath;
  const maxPendingMs = (ORDER_DEADLINE_SECONDS + SWEPT_WITHIN_SECONDS * leniency) * 1_000 + sweeperAwayMs;
  return {
    maxPendingMs,
    poison,
    hasCompleteInboxes: true,
    ends: new Map(),
    nameOf: (id) => id,
    orders: await ordersOf(stack),
    steps: await rowsOf(stack, 'orders', 'SELECT order_id AS "orderId", event FROM order_timeline'),
    ...(await moneyOf(stack)),
    stock: await stockOf(stack),
    events: await eventsOf(stack),
    effects: (await Promise.all(eventProducers.map((consumer) => effectsOf(stack, consumer)))).flat(),
    deadLetters: await deadLettersOf(stack),
    history: { placements: load.placements, orderIdByKey: await orderIdByKey(stack) },
    secrets: [...stack.secretTexts, ...secretTexts],
    logs: () => logsOf(stack),
  };
}

async function ordersOf(stack: IsolatedStack): Promise<readonly OrderFacts[]> {
  const rows = await rowsOf<{
    id: string;
    status: OrderStatus;
    total: string;
    lines: OrderFacts['lines'];
    events: number;
    pending: string;
  }>(
    stack,
    'orders',
    `SELECT id, status, total_minor AS total, lines, event_sequence AS events,
            extract(epoch FROM coalesce(ended.at, now()) - created_at) AS pending
     FROM orders LEFT JOIN (SELECT order_id, min(at) AS at FROM order_timeline
       WHERE event IN ('OrderConfirmed', 'OrderCanceled') GROUP BY order_id) ended ON ended.order_id = id`,
  );
  return rows.map(({ id, status, total, lines, events, pending }) => ({
    ...{ id, status, lines, totalMinor: Number(total), eventSequence: events },
    pendingMs: Number(pending) * 1_000,
  }));
}

async function moneyOf(stack: IsolatedStack): Promise<Pick<World, 'payments' | 'charges'>> {
  const payments = await rowsOf<{ id: string; status: string; amount: string | null }>(
    stack,
    'payments',
    'SELECT order_id AS id, status, amount_minor AS amount FROM payments',
  );
  const charges = await rowsOf<{ id: string; state: string; amount: string | null }>(
    stack,
    'payments',
    'SELECT order_id AS id, state, amount_minor AS amount FROM simulator.charges',
  );
  return {
    payments: payments.map(({ id, status, amount }) => ({
      ...{ orderId: id, status },
      amountMinor: amount === null ? undefined : Number(amount),
    })),
    charges: charges.map(({ id, state, amount }) => ({ orderId: id, state, amountMinor: Number(amount) })),
  };
}

async function stockOf(stack: IsolatedStack): Promise<readonly StockFacts[]> {
  const rows = await rowsOf<Record<'id' | 'supplied' | 'available' | 'reserved' | 'sold', string>>(
    stack,
    'products',
    'SELECT product_id AS id, initial + adjusted AS supplied, available, reserved, sold FROM stock',
  );
  return rows.map(({ id, supplied, available, reserved, sold }) => ({
    ...{ productId: id, supplied: Number(supplied), available: Number(available) },
    ...{ reserved: Number(reserved), sold: Number(sold) },
  }));
}

async function eventsOf(stack: IsolatedStack): Promise<readonly EventFacts[]> {
  return asAdmin(stack, async (admin) => {
    const events: EventFacts[] = [];
    for (const producer of eventProducers) {
      const rows = await rowsOf<{ id: string; name: string; aggregateId: string; isPublished: boolean }>(
        stack,
        producer,
        'SELECT event_id AS id, name, aggregate_id AS "aggregateId", published_at IS NOT NULL AS "isPublished" FROM outbox',
      );
      const messages = await messagesOf(admin, producer.toUpperCase());
      const stored = new Set(messages.map(({ headers }) => headers?.get('ce-id')));
      const consumers = eventProducers.filter((consumer) => COMPLETE[producer]?.includes(consumer));
      events.push(...rows.map((row) => ({ ...row, producer, isStored: stored.has(row.id), consumers })));
    }
    return events;
  });
}

const effectsOf = (stack: IsolatedStack, consumer: Service): Promise<readonly EffectFacts[]> =>
  rowsOf(
    stack,
    consumer,
    `SELECT '${consumer}' AS consumer, event_id AS "eventId", aggregate_id AS "aggregateId", sequence
     FROM inbox ORDER BY processed_at`,
  );

async function deadLettersOf(stack: IsolatedStack): Promise<World['deadLetters']> {
  const messages = await asAdmin(stack, async (admin) => {
    const streams = (await streamsOf(admin)).filter(({ dead }) => dead);
    return (await Promise.all(streams.map(({ name }) => messagesOf(admin, name)))).flat();
  });
  return messages.map(({ subject, headers }) => ({
    consumer: subject.split('.')[1] ?? '',
    eventId: headers?.get('ce-id') ?? '',
  }));
}

async function orderIdByKey(stack: IsolatedStack): Promise<ReadonlyMap<string, string>> {
  const rows = await rowsOf<{ key: string; response: string }>(
    stack,
    'orders',
    // Those of placed orders: a cancellation's answer is Canceled, a reconciliation's is not an order.
    `SELECT key, response FROM idempotency_key WHERE response LIKE '{"id":%' AND response LIKE '%"status":"Pending"%'`,
  );
  return new Map(rows.map(({ key, response }) => [key, OrderView.parse(JSON.parse(response)).id]));
}

function* logsOf({ logsFolder }: IsolatedStack): Iterable<{ readonly file: string; readonly text: string }> {
  for (const file of readdirSync(logsFolder).filter((name) => name.endsWith('.log'))) {
    yield { file, text: readFileSync(join(logsFolder, file), 'utf8') };
  }
}

async function busyConnections(stack: IsolatedStack): Promise<readonly string[]> {
  const rows = await Promise.all(
    eventProducers.map((service) =>
      rowsOf<{ pid: number; state: string }>(
        stack,
        service,
        `SELECT pid, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND state <> 'idle' AND state_change < now() - interval '5 s'`,
      ),
    ),
  );
  return rows.flat().map(({ pid, state }) => `backend ${pid} is ${state}`);
}
