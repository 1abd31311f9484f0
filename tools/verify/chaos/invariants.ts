import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventProducers, OrderView, type Service } from '@rookery/contracts';
import { asAdmin, messagesOf, streamsOf } from '@rookery/devkit/stack/broker-reader';
import { ORDER_DEADLINE_SECONDS, type IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import type { Poison } from './faults/fault';
import { rowsOf } from '@rookery/devkit/stack/rows';
import type { Placement, RetryingLoad } from '@rookery/devkit/client/retrying-load';

/** One way in which an invariant, I1 to I12 of docs/invariants.md, was broken. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

/** The end of a run, as the checks read it. */
export interface Aftermath {
  readonly stack: IsolatedStack;
  readonly load: RetryingLoad;
  readonly poison: readonly Poison[];
  /** What must not stand in any log besides the stack's own secrets. */
  readonly secretTexts: readonly string[];
  /** How long the sweeper was without its process or its database, at most. */
  readonly sweeperAwayMs: number;
  /** How many times longer than usual the sweeper may take; 1 unless the machine has other work. */
  readonly leniency?: number;
}

interface OrderRow {
  readonly id: string;
  readonly status: 'Pending' | 'Confirmed' | 'Canceled';
  readonly total: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
}
interface ChargeRow {
  readonly order_id: string | null;
  readonly amount_minor: string | null;
  readonly state: string;
}
interface PaymentRow {
  readonly order_id: string;
  readonly amount_minor: string | null;
  readonly status: string;
}

/** Checks every invariant over the four databases, the streams, the provider's ledger, the customers' history and the logs. */
export async function violationsOf(aftermath: Aftermath): Promise<readonly Violation[]> {
  const { stack } = aftermath;
  const orders = await rowsOf<OrderRow>(stack, 'orders', 'SELECT id, status, total_minor AS total, lines FROM orders');
  const found = await Promise.all([
    answered(aftermath, orders),
    money(stack, orders),
    stock(stack, orders),
    timelines(stack, orders),
    deadlines(aftermath),
    outboxes(stack),
    sequences(stack),
    deadLetters(aftermath),
    connections(stack),
  ]);
  const pending = orders.filter(({ status }) => status === 'Pending');
  return [
    ...pending.map(({ id }) => ({ invariant: 'I1', what: `order ${id} is still Pending` })),
    ...aftermath.load.anomalies.map(({ at, what }) => ({ invariant: 'answers', what: `${at} ${what}` })),
    ...found.flat(),
    ...logs(aftermath),
  ];
}

/** I2 and I10: every 201 is one order with the same content, a refusal left none, a replay has the same bytes. */
async function answered({ stack, load }: Aftermath, orders: readonly OrderRow[]): Promise<readonly Violation[]> {
  const kept = await rowsOf<{ key: string; response: string }>(
    stack,
    'orders',
    // Those of placed orders: a cancellation's answer is Canceled, a reconciliation's no order.
    `SELECT key, response FROM idempotency_key WHERE response LIKE '{"id":%' AND response LIKE '%"status":"Pending"%'`,
  );
  const idOfKey = new Map(kept.map(({ key, response }) => [key, OrderView.parse(JSON.parse(response)).id]));
  const byId = new Map(orders.map((order) => [order.id, order]));
  const keys = new Set(load.placements.map(({ key }) => key));
  const violations: Violation[] = [];
  const say = (invariant: string, what: string): void => void violations.push({ invariant, what });
  for (const placement of load.placements) for (const what of wrongIn(placement, idOfKey, byId)) violations.push(what);
  for (const key of idOfKey.keys()) if (!keys.has(key)) say('I2', `an order under the key ${key} that nobody sent`);
  const known = new Set(idOfKey.values());
  for (const { id } of orders) if (!known.has(id)) say('I10', `order ${id} belongs to no key: one key made two orders`);
  return violations;
}

function wrongIn(
  { key, body, answers }: Placement,
  idOfKey: ReadonlyMap<string, string>,
  orders: ReadonlyMap<string, OrderRow>,
): readonly Violation[] {
  const taken = answers.filter(({ status }) => status === 201);
  const [first] = taken;
  if (first === undefined) {
    const refused = answers.find(({ status }) => status >= 400 && status < 500);
    return refused !== undefined && idOfKey.has(key)
      ? [{ invariant: 'I2', what: `key ${key} was refused with ${refused.status} and there is an order` }]
      : [];
  }
  const violations: Violation[] = [];
  if (taken.some(({ text }) => text !== first.text))
    violations.push({ invariant: 'I10', what: `replays of key ${key} differ` });
  const view = OrderView.parse(JSON.parse(first.text));
  const order = orders.get(view.id);
  if (order === undefined)
    return [...violations, { invariant: 'I2', what: `order ${view.id} was answered 201 and is lost` }];
  const lines = (of: readonly { readonly productId: string; readonly quantity: number }[]): string =>
    JSON.stringify(of.map(({ productId, quantity }) => [productId, quantity]));
  if (Number(order.total) !== view.total.amountMinor || lines(order.lines) !== lines(body.lines))
    violations.push({ invariant: 'I2', what: `order ${view.id} is not what was answered` });
  return violations;
}

/** I3 and I9: money is held for nobody, taken once for each Confirmed order and for no other; the provider's ledger agrees. */
async function money(stack: IsolatedStack, orders: readonly OrderRow[]): Promise<readonly Violation[]> {
  const payments = await rowsOf<PaymentRow>(stack, 'payments', 'SELECT order_id, amount_minor, status FROM payments');
  const charges = await rowsOf<ChargeRow>(
    stack,
    'payments',
    'SELECT order_id, amount_minor, state FROM simulator.charges',
  );
  const paymentOf = new Map(payments.map((payment) => [payment.order_id, payment]));
  const chargesOf = Map.groupBy(charges, ({ order_id }) => order_id);
  return orders.flatMap(({ id, status, total }) => {
    const violations: Violation[] = [];
    const say = (what: string): void =>
      void violations.push({ invariant: status === 'Canceled' ? 'I9' : 'I3', what: `${status} order ${id}: ${what}` });
    const payment = paymentOf.get(id);
    const ledger = chargesOf.get(id) ?? [];
    const captured = ledger.filter(({ state }) => state === 'captured');
    const held = ledger.filter(({ state }) => state === 'authorized');
    if (held.length > 0) say(`${held.length} authorizations are still open at the provider`);
    if (status === 'Confirmed') capturedOnce(payment, captured, total).forEach(say);
    if (status === 'Canceled') {
      if (captured.length > 0) say('the provider keeps the money');
      const open = payment !== undefined && !['Failed', 'Released', 'Refunded', 'Withdrawn'].includes(payment.status);
      if (open) say(`its payment is ${payment.status}`);
    }
    return violations;
  });
}

/** What is wrong with the money of a Confirmed order. */
function capturedOnce(
  payment: PaymentRow | undefined,
  captured: readonly ChargeRow[],
  total: string,
): readonly string[] {
  const wrong: string[] = [];
  if (payment?.status !== 'Captured') wrong.push(`its payment is ${payment?.status ?? 'missing'}`);
  if (payment !== undefined && payment.amount_minor !== total)
    wrong.push(`its payment is ${payment.amount_minor} of ${total}`);
  if (captured.length !== 1) wrong.push(`the provider captured ${captured.length} times`);
  if (captured.some(({ amount_minor }) => amount_minor !== total)) wrong.push('the provider captured another amount');
  return wrong;
}

interface StockRow {
  readonly product_id: string;
  readonly initial: string;
  readonly adjusted: string;
  readonly available: string;
  readonly reserved: string;
  readonly sold: string;
}

/** I4: no unit is lost, made, oversold or still reserved. */
async function stock(stack: IsolatedStack, orders: readonly OrderRow[]): Promise<readonly Violation[]> {
  const sold = new Map<string, number>();
  for (const { status, lines } of orders) {
    if (status !== 'Confirmed') continue;
    for (const { productId, quantity } of lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  const rows = await rowsOf<StockRow>(
    stack,
    'products',
    'SELECT product_id, initial, adjusted, available, reserved, sold FROM stock',
  );
  return rows.flatMap((row) => {
    const { product_id: id } = row;
    const violations: Violation[] = [];
    const say = (what: string): void => void violations.push({ invariant: 'I4', what: `product ${id}: ${what}` });
    const [available, reserved, shipped] = [Number(row.available), Number(row.reserved), Number(row.sold)];
    if (available < 0) say(`${available} available`);
    if (reserved !== 0) say(`${reserved} still reserved`);
    if (Number(row.initial) + Number(row.adjusted) !== available + reserved + shipped) say('units were lost or made');
    if (shipped !== (sold.get(id) ?? 0)) say(`${shipped} sold, Confirmed orders have ${sold.get(id) ?? 0}`);
    return violations;
  });
}

interface StepRow {
  readonly order_id: string;
  readonly event: string;
  readonly count: number;
}

/** I5 and I8, as an order's timeline tells them: each step once, and one end. */
async function timelines(stack: IsolatedStack, orders: readonly OrderRow[]): Promise<readonly Violation[]> {
  const steps = await rowsOf<StepRow>(
    stack,
    'orders',
    'SELECT order_id, event, count(*)::int AS count FROM order_timeline GROUP BY order_id, event',
  );
  const stepsOf = Map.groupBy(steps, ({ order_id }) => order_id);
  const twice = steps
    .filter(({ count }) => count > 1)
    .map(({ order_id, event, count }) => ({ invariant: 'I5', what: `order ${order_id} took ${event} ${count} times` }));
  const ends = orders.flatMap(({ id, status }) => {
    const names = (stepsOf.get(id) ?? [])
      .map(({ event }) => event)
      .filter((event) => ['OrderConfirmed', 'OrderCanceled'].includes(event));
    const expected = status === 'Pending' ? [] : [`Order${status}`];
    return names.join() === expected.join()
      ? []
      : [{ invariant: 'I8', what: `order ${id} is ${status}, its timeline ends ${names.join()}` }];
  });
  return [...twice, ...ends];
}

const SWEPT_WITHIN_SECONDS = 20;

/** I1: time has an owner, who ends what waits too long whatever the others do. */
async function deadlines({ stack, sweeperAwayMs, leniency = 1 }: Aftermath): Promise<readonly Violation[]> {
  const late = await rowsOf<{ id: string; seconds: number }>(
    stack,
    'orders',
    `SELECT id, seconds FROM (
       SELECT o.id, extract(epoch FROM t.at - o.created_at)::int AS seconds
       FROM orders o JOIN order_timeline t ON t.order_id = o.id AND t.event IN ('OrderConfirmed', 'OrderCanceled')) ended
     WHERE seconds > ${ORDER_DEADLINE_SECONDS + SWEPT_WITHIN_SECONDS * leniency + sweeperAwayMs / 1_000}`,
  );
  return late.map(({ id, seconds }) => ({ invariant: 'I1', what: `order ${id} was Pending for ${seconds} s` }));
}

/** I6: everything was published, and is in the stream. */
async function outboxes(stack: IsolatedStack): Promise<readonly Violation[]> {
  return asAdmin(stack, async (admin) => {
    const violations: Violation[] = [];
    for (const producer of eventProducers) {
      const rows = await rowsOf<{ event_id: string; published: boolean }>(
        stack,
        producer,
        'SELECT event_id, published_at IS NOT NULL AS published FROM outbox',
      );
      const stored = new Set(
        (await messagesOf(admin, producer.toUpperCase())).map(({ headers }) => headers?.get('ce-id')),
      );
      const waiting = rows.filter(({ published }) => !published).length;
      const missing = rows.filter(({ event_id, published }) => published && !stored.has(event_id)).length;
      if (waiting > 0)
        violations.push({ invariant: 'I6', what: `${producer}: ${waiting} events were never published` });
      if (missing > 0)
        violations.push({ invariant: 'I6', what: `${producer}: ${missing} events are not in the stream` });
    }
    return violations;
  });
}

/** Whose inbox takes every event of which producer, so that none may be missing at the end. */
const COMPLETE: readonly { readonly consumer: Service; readonly producer: Service }[] = [
  { consumer: 'payments', producer: 'orders' },
  { consumer: 'products', producer: 'orders' },
  { consumer: 'orders', producer: 'payments' },
];

/** I7: each consumer applied the events of an aggregate in order and without gaps, and I5: all of them. */
async function sequences(stack: IsolatedStack): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  for (const service of eventProducers) {
    const rows = await rowsOf<{ aggregate_id: string; sequences: number[] }>(
      stack,
      service,
      'SELECT aggregate_id, array_agg(sequence ORDER BY processed_at) AS sequences FROM inbox GROUP BY aggregate_id',
    );
    for (const { aggregate_id, sequences: applied } of rows) {
      if (applied.every((sequence, index) => sequence === index + 1)) continue;
      violations.push({
        invariant: 'I7',
        what: `${service} applied the events of ${aggregate_id} in the order ${applied.join()}`,
      });
    }
  }
  for (const { consumer, producer } of COMPLETE) {
    const sent = await rowsOf<{ event_id: string }>(stack, producer, 'SELECT event_id FROM outbox');
    const taken = new Set(
      (await rowsOf<{ event_id: string }>(stack, consumer, 'SELECT event_id FROM inbox')).map(
        ({ event_id }) => event_id,
      ),
    );
    const missed = sent.filter(({ event_id }) => !taken.has(event_id)).length;
    if (missed > 0)
      violations.push({ invariant: 'I5', what: `${consumer} never took ${missed} events of ${producer}` });
  }
  return violations;
}

/** I6 and I11: the dead letters are the injected poison, once for each service that was given it, and nothing else. */
async function deadLetters({ stack, poison }: Aftermath): Promise<readonly Violation[]> {
  const dead = await asAdmin(stack, async (admin) => {
    const streams = (await streamsOf(admin)).filter((stream) => stream.dead);
    return (await Promise.all(streams.map(({ name }) => messagesOf(admin, name)))).flat();
  });
  const found = dead
    .map(({ subject, headers }) => `${subject.split('.')[1] ?? ''} ${headers?.get('ce-id') ?? ''}`)
    .toSorted();
  const expected = poison.flatMap(({ id, consumers }) => consumers.map((consumer) => `${consumer} ${id}`)).toSorted();
  const surplus = found.filter((letter) => !expected.includes(letter));
  const missing = expected.filter((letter) => !found.includes(letter));
  return [
    ...surplus.map((letter) => ({ invariant: 'I11', what: `a dead letter that nobody injected: ${letter}` })),
    ...missing.map((letter) => ({ invariant: 'I11', what: `poison that is no dead letter: ${letter}` })),
  ];
}

/** After everything has come to rest, no connection of a service is in the midst of something. */
async function connections(stack: IsolatedStack): Promise<readonly Violation[]> {
  const stuck = await Promise.all(
    eventProducers.map((service) =>
      rowsOf<{ pid: number; state: string }>(
        stack,
        service,
        `SELECT pid, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND state <> 'idle' AND state_change < now() - interval '5 s'`,
      ),
    ),
  );
  return stuck.flat().map(({ pid, state }) => ({ invariant: 'connections', what: `backend ${pid} is ${state}` }));
}

/** I12: no secret, token, password or card token in any log of the apps. */
function logs({ stack, secretTexts }: Aftermath): readonly Violation[] {
  const forbidden = [...stack.secretTexts, ...secretTexts];
  return readdirSync(stack.logsFolder)
    .filter((file) => file.endsWith('.log'))
    .flatMap((file) => {
      const text = readFileSync(join(stack.logsFolder, file), 'utf8');
      const leaks = forbidden.filter((secret) => text.includes(secret)).length;
      const cardTokens = /\btok_[a-z_]+/.test(text) ? 1 : 0;
      return leaks + cardTokens === 0
        ? []
        : [{ invariant: 'I12', what: `${leaks + cardTokens} secrets stand in ${file}` }];
    });
}
