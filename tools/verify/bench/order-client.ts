import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { MeasuredSystem } from './measured-system';
import { cpuSecondsOf } from './process-use';

const REFUSED_PAUSE_MS = 50;
const LAST_ORDERS_MS = 60_000;

const Placed = z.object({ id: z.string(), status: z.enum(['Pending', 'Confirmed']) });

/** An order as POST answered it. */
export type Placed = z.infer<typeof Placed>;

/** What is ordered from. */
export type Shop = Pick<MeasuredSystem, 'database' | 'headers' | 'name' | 'url'>;

/** The headers of a shop’s requests, with a token that lives for some minutes. */
export const headersOf = async (shop: Shop): Promise<Readonly<Record<string, string>>> => ({
  ...(await shop.headers()),
  'content-type': 'application/json',
});

/**
 * Places an order for one unit, again after each 503. Result: the order, and how often it was refused before.
 * @throws {Error} when the answer is another than 201 and 503
 */
export async function placeOrder(
  shop: Pick<Shop, 'name'>,
  api: Dispatcher,
  headers: Readonly<Record<string, string>>,
  productId: string,
): Promise<{ readonly order: Placed; readonly refused: number }> {
  const body = JSON.stringify({ lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' });
  const key = randomUUID();
  for (let refused = 0; ; refused += 1) {
    const answer = await api.request({
      path: '/v1/orders',
      method: 'POST',
      headers: { ...headers, 'idempotency-key': key },
      body,
    });
    const text = await answer.body.text();
    if (answer.statusCode === 201) {
      return { order: Placed.parse(JSON.parse(text)), refused };
    }
    if (answer.statusCode !== 503) {
      throw new Error(`an order of ${shop.name} was answered ${answer.statusCode}: ${text}`);
    }
    await sleep(REFUSED_PAUSE_MS);
  }
}

/** How an order's end is looked for. */
export interface Watch {
  /** Pause between two looks, by the number of orders that are waited for. */
  readonly everyMs: (waiting: number) => number;
  /** How long orders are placed. The last ones have a minute more to end. */
  readonly forMs: number;
}

/** What came of orders that were watched. */
export interface Watched<T> {
  readonly result: T;
  /** What Postgres took for the looks; undefined where the platform does not tell. */
  readonly cpuSeconds: number | undefined;
}

/** Sees orders end by looks at the table of orders, which take nothing from the API. */
export class OrderEnds {
  private readonly waiting = new Map<string, PromiseWithResolvers<undefined>>();
  /** Resolved while an order is waited for: without one, looking takes no CPU. */
  private someone = Promise.withResolvers<undefined>();

  constructor(private readonly shop: Pick<Shop, 'database' | 'name'>) {}

  /** Until an order is Confirmed. */
  async of({ id, status }: Placed): Promise<void> {
    if (status === 'Pending') {
      const end = Promise.withResolvers<undefined>();
      this.waiting.set(id, end);
      this.someone.resolve(undefined);
      await end.promise;
    }
  }

  /**
   * Runs what places orders and waits for their ends.
   * @throws {Error} when an order ends other than Confirmed, or does not end in time
   */
  async watched<T>({ everyMs, forMs }: Watch, orders: () => Promise<T>): Promise<Watched<T>> {
    const database = new Client({ connectionString: this.shop.database });
    const over = new AbortController();
    await database.connect();
    try {
      // One transaction, in which each look sees what was committed before it: looks must not count as commits.
      await database.query('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED');
      const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const ended = await Promise.race([
        orders().then((result) => ({ result })),
        this.look(database, everyMs, over.signal),
        this.late(forMs, over.signal),
      ]);
      if (ended === undefined) {
        throw new Error(`the orders of ${this.shop.name} were not watched to their end`);
      }
      return { ...ended, cpuSeconds: cpuSecondsOf(rows[0]?.pid) };
    } finally {
      over.abort();
      await database.end();
    }
  }

  private async late(forMs: number, signal: AbortSignal): Promise<undefined> {
    await sleep(forMs + LAST_ORDERS_MS, undefined, { ref: false, signal }).catch(() => undefined);
    if (!signal.aborted) {
      throw new Error(`${this.waiting.size} orders of ${this.shop.name} did not end in ${LAST_ORDERS_MS / 1_000} s`);
    }
  }

  private async look(database: Client, everyMs: Watch['everyMs'], signal: AbortSignal): Promise<undefined> {
    for (;;) {
      await this.someone.promise;
      if (signal.aborted) {
        return;
      }
      await this.noteEnded(database);
      if (this.waiting.size === 0) {
        this.someone = Promise.withResolvers<undefined>();
      }
      await sleep(everyMs(this.waiting.size));
    }
  }

  private async noteEnded(database: Client): Promise<void> {
    const { rows } = await database.query<{ id: string; status: string }>({
      name: 'ended',
      text: `SELECT id, status FROM orders WHERE id = ANY($1::uuid[]) AND status <> 'Pending'`,
      values: [[...this.waiting.keys()]],
    });
    for (const { id, status } of rows) {
      if (status !== 'Confirmed') {
        throw new Error(`order ${id} of ${this.shop.name} is ${status}`);
      }
      this.waiting.get(id)?.resolve(undefined);
      this.waiting.delete(id);
    }
  }
}
