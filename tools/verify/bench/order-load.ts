import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Pool } from 'undici';
import { z } from 'zod';
import type { MeasuredSystem } from './measured-system';

/** An order's end is seen in the table of orders, so that watching it takes nothing from the API. */
const LOOK_EVERY_MS = 10;
const REFUSED_PAUSE_MS = 50;
const LAST_ORDERS_MS = 60_000;

const Placed = z.object({ id: z.string(), status: z.enum(['Pending', 'Confirmed']) });

/** What is ordered from. */
export type Shop = Pick<MeasuredSystem, 'database' | 'headers' | 'name' | 'url'>;

/** What customers have seen. */
export interface OrdersSeen {
  /** From POST to Confirmed, one per order. */
  readonly latenciesMs: readonly number[];
  /** Until the last order has ended. */
  readonly seconds: number;
}

/** One round of orders of one system. */
export interface OrdersRound {
  readonly ordersPerSecond: number;
  /** Of all processes, servers included; undefined where the platform does not tell. */
  readonly cpuSecondsPer1000: number | undefined;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Customers of one system who always have the same number of orders in flight, each for one unit of the next product. */
export class OrderLoad {
  private readonly waiting = new Map<string, PromiseWithResolvers<undefined>>();
  private next = 0;

  constructor(
    private readonly system: Shop,
    private readonly products: readonly string[],
    private readonly inFlight: number,
  ) {}

  /** Orders that were placed so far, all of them Confirmed. */
  get placed(): number {
    return this.next;
  }

  /**
   * Places orders for this long and waits for the last ones; the time includes their end.
   * @throws {Error} when an order is refused for good, is canceled, or does not end
   */
  async buyFor(ms: number): Promise<OrdersSeen> {
    const headers = { ...(await this.system.headers()), 'content-type': 'application/json' };
    const api = new Pool(this.system.url, { connections: this.inFlight });
    const database = new Client({ connectionString: this.system.database });
    await database.connect();
    const ended = new AbortController();
    try {
      const startedAt = performance.now();
      const latenciesMs: number[] = [];
      const buyer = async (): Promise<void> => {
        while (performance.now() - startedAt < ms) {
          const placedAt = performance.now();
          await this.confirmed(await this.place(api, headers));
          latenciesMs.push(performance.now() - placedAt);
        }
      };
      const buyers = Promise.all(Array.from({ length: this.inFlight }, buyer));
      const late = sleep(ms + LAST_ORDERS_MS, undefined, { ref: false }).then(() => {
        throw new Error(
          `${this.waiting.size} orders of ${this.system.name} did not end in ${LAST_ORDERS_MS / 1_000} s`,
        );
      });
      await Promise.race([buyers, this.look(database, ended.signal), late]);
      return { latenciesMs, seconds: (performance.now() - startedAt) / 1_000 };
    } finally {
      ended.abort();
      await Promise.all([api.destroy(), database.end()]);
    }
  }

  private async place(api: Pool, headers: Readonly<Record<string, string>>): Promise<z.infer<typeof Placed>> {
    const productId = this.products[this.next % this.products.length] ?? '';
    this.next += 1;
    const body = JSON.stringify({ lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' });
    const key = randomUUID();
    for (;;) {
      const answer = await api.request({
        path: '/v1/orders',
        method: 'POST',
        headers: { ...headers, 'idempotency-key': key },
        body,
      });
      const text = await answer.body.text();
      if (answer.statusCode === 201) {
        return Placed.parse(JSON.parse(text));
      }
      if (answer.statusCode !== 503) {
        throw new Error(`an order of ${this.system.name} was answered ${answer.statusCode}: ${text}`);
      }
      await sleep(REFUSED_PAUSE_MS);
    }
  }

  private async confirmed({ id, status }: z.infer<typeof Placed>): Promise<void> {
    if (status === 'Pending') {
      const end = Promise.withResolvers<undefined>();
      this.waiting.set(id, end);
      await end.promise;
    }
  }

  private async look(database: Client, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.waiting.size > 0) {
        await this.noteEnded(database);
      }
      await sleep(LOOK_EVERY_MS);
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
        throw new Error(`order ${id} of ${this.system.name} is ${status}`);
      }
      this.waiting.get(id)?.resolve(undefined);
      this.waiting.delete(id);
    }
  }
}

/** Latencies and CPU of one round. */
export function ordersRound(
  { latenciesMs, seconds }: OrdersSeen,
  cpuBefore: number | undefined,
  cpuAfter: number | undefined,
): OrdersRound {
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return {
    ordersPerSecond: sorted.length / seconds,
    cpuSecondsPer1000:
      cpuBefore === undefined || cpuAfter === undefined ? undefined : (1_000 * (cpuAfter - cpuBefore)) / sorted.length,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}
