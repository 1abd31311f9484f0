import {
  OrderCanceled,
  OrderConfirmed,
  OrderCreated,
  type EventMessage,
  type OrderLineView,
  type Service,
} from '@rookery/contracts';
import { consumedBy, contractOf, isApiError, openEvent, streamOf } from '@rookery/messaging';
import { traceIdOf } from '@rookery/platform';
import { JetStreamApiCodes, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { Client } from 'pg';

/** What was done to the database of orders. */
export interface RecoveredOrders {
  /** Orders in the stream that the database had lost. */
  readonly made: number;
  /** Orders that were Pending in the database and have ended by the stream. */
  readonly ended: number;
  /** Made again with lines at today's prices, which are not the order's total. */
  readonly repriced: readonly string[];
  /** Not made again: a product of theirs is not in the catalogue. */
  readonly refused: readonly string[];
  /** Sequence numbers of what this release cannot read: what it told of is not recovered. */
  readonly unreadable: readonly number[];
}

type OrderEvent = EventMessage & { readonly subject: string };

interface Product {
  readonly sku: string;
  readonly name: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** How many messages are asked for at a time. */
const BATCH = 500;

/**
 * Makes again in a restored database of orders what the service's own stream knows: orders that were placed, and ended, after the moment
 * to which the database was restored. Orders must not run. Running it again changes nothing. What the stream does not have stays lost: an
 * event that was still in the outbox, and the answers under idempotency keys.
 * Pending orders get `graceSeconds` from now, for the answers of the others to be delivered again before their deadline.
 */
export async function recoverOrders(
  admin: NatsConnection,
  urls: { readonly orders: string; readonly products: string },
  graceSeconds: number,
): Promise<RecoveredOrders> {
  const database = new Client({ connectionString: urls.orders });
  await database.connect();
  try {
    const recovery = new OrderRecovery(database, await catalogue(urls.products));
    const unreadable: number[] = [];
    for await (const event of eventsOfOrders(admin, unreadable)) await recovery.take(event);
    await database.query(
      `UPDATE orders SET deadline_at = greatest(deadline_at, now() + make_interval(secs => $1)) WHERE status = 'Pending'`,
      [graceSeconds],
    );
    return { ...recovery.result, unreadable };
  } finally {
    await database.end();
  }
}

/**
 * Deletes the durable consumers of a service that does not run. When it starts it makes them anew and is given the whole streams: its inbox
 * drops what the restored database knows, and the rest takes effect. Returns the streams.
 */
export async function forgetDeliveries(admin: NatsConnection, service: Service): Promise<readonly string[]> {
  const manager = await jetstreamManager(admin);
  const streams = consumedBy(service).map(streamOf);
  for (const stream of streams) {
    await manager.consumers.delete(stream, service).catch((error: unknown) => {
      if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) throw error;
    });
  }
  return streams;
}

class OrderRecovery {
  private made = 0;
  private ended = 0;
  private readonly repriced: string[] = [];
  private readonly refused: string[] = [];

  constructor(
    private readonly database: Client,
    private readonly products: ReadonlyMap<string, Product>,
  ) {}

  get result(): Omit<RecoveredOrders, 'unreadable'> {
    const { made, ended, repriced, refused } = this;
    return { made, ended, repriced, refused };
  }

  async take(event: OrderEvent): Promise<void> {
    switch (event.name) {
      case OrderCreated.name:
        return this.make(event);
      case OrderConfirmed.name:
        return this.end(event, 'Confirmed', null);
      case OrderCanceled.name:
        return this.end(event, 'Canceled', OrderCanceled.data.parse(event.data).reason);
    }
  }

  private async make(event: OrderEvent): Promise<void> {
    const { rowCount: known } = await this.database.query('SELECT FROM orders WHERE id = $1', [event.aggregateId]);
    if (known !== 0) return;
    const { customerId, lines, total } = OrderCreated.data.parse(event.data);
    const quoted = lines.flatMap((line) => this.quoted(line));
    if (quoted.length < lines.length) {
      this.refused.push(event.aggregateId);
      return;
    }
    const sum = quoted.reduce((minor, { quantity, unitPrice }) => minor + quantity * unitPrice.amountMinor, 0);
    if (sum !== total.amountMinor) this.repriced.push(event.aggregateId);
    this.made += await this.write(
      event,
      `INSERT INTO orders (id, version, event_sequence, customer_id, status, lines, total_minor, currency, deadline_at, created_at, updated_at)
       VALUES ($1, 1, $2, $14, 'Pending', $15, $16, $17, $3, $3, $3) ON CONFLICT (id) DO NOTHING RETURNING id`,
      [customerId, JSON.stringify(quoted), total.amountMinor, total.currency],
    );
  }

  private async end(event: OrderEvent, status: 'Confirmed' | 'Canceled', reason: string | null): Promise<void> {
    this.ended += await this.write(
      event,
      `UPDATE orders SET version = version + 1, event_sequence = $2, status = $14, reason = $15, updated_at = $3,
         payment_reserved_at = CASE WHEN $14 = 'Confirmed' THEN coalesce(payment_reserved_at, $3) ELSE payment_reserved_at END,
         stock_reserved_at = CASE WHEN $14 = 'Confirmed' THEN coalesce(stock_reserved_at, $3) ELSE stock_reserved_at END
       WHERE id = $1 AND status = 'Pending' RETURNING id`,
      [status, reason],
    );
  }

  /** The change with its step of the timeline and its event, which is published already: all of them or, when it is known, none. */
  private async write(event: OrderEvent, change: string, more: readonly unknown[]): Promise<number> {
    const { rowCount } = await this.database.query(
      `WITH changed AS (${change}), step AS (
         INSERT INTO order_timeline (order_id, event, service, at, attempt, causation_id, trace_id)
         SELECT id, $4, $5, $3, 1, $6, $7 FROM changed
       )
       INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent,
                           data, occurred_at, published_at)
       SELECT $8, $4, $9, $5, $10, id, $2, $11, $6, $12, $13, $3, now() FROM changed`,
      [
        event.aggregateId,
        event.sequence,
        event.time,
        event.name,
        event.source,
        event.causationId,
        traceIdOf(event.traceparent),
        event.id,
        event.version,
        event.subject,
        event.correlationId,
        event.traceparent,
        JSON.stringify(event.data),
        ...more,
      ],
    );
    return rowCount ?? 0;
  }

  private quoted({
    productId,
    quantity,
  }: {
    readonly productId: string;
    readonly quantity: number;
  }): readonly OrderLineView[] {
    const product = this.products.get(productId);
    if (product === undefined) return [];
    const { sku, name, amountMinor, currency } = product;
    return [{ productId, sku, name, quantity, unitPrice: { amountMinor, currency } }];
  }
}

async function catalogue(url: string): Promise<ReadonlyMap<string, Product>> {
  const database = new Client({ connectionString: url });
  await database.connect();
  try {
    const { rows } = await database.query<{ id: string; sku: string; name: string; price: string; currency: string }>(
      'SELECT id, sku, name, price_minor AS price, currency FROM products',
    );
    return new Map(
      rows.map(({ id, sku, name, price, currency }) => [id, { sku, name, amountMinor: Number(price), currency }]),
    );
  } finally {
    await database.end();
  }
}

/** Every event of orders that the stream holds, oldest first. */
async function* eventsOfOrders(admin: NatsConnection, unreadable: number[]): AsyncGenerator<OrderEvent> {
  const stream = streamOf('orders');
  const { state } = await (await jetstreamManager(admin)).streams.info(stream);
  if (state.messages === 0) return;
  const consumer = await jetstream(admin).consumers.get(stream);
  try {
    for (let reached = 0; reached < state.last_seq;) {
      const before = reached;
      for await (const message of await consumer.fetch({ max_messages: BATCH, expires: 2_000 })) {
        reached = message.seq;
        const contract = contractOf(message.subject);
        const opened = contract === undefined ? undefined : openEvent(contract, message);
        if (opened !== undefined && 'event' in opened) yield { ...opened.event, subject: message.subject };
        else unreadable.push(message.seq);
        if (reached >= state.last_seq) break;
      }
      if (reached === before) throw new Error(`the stream ${stream} ended at ${reached}, before ${state.last_seq}`);
    }
  } finally {
    // Otherwise it would be there, with something pending, for another five minutes.
    await consumer.delete();
  }
}
