import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { headersOf, OrderEnds, placeOrder, type Shop } from './order-client';

/** How often an order’s end is looked for while at most `FEW` are on their way, and while there are more. */
export const LOOK_EVERY_MS = { few: 2, many: 10 } as const;
export const FEW = 16;

/** What customers have seen who do not wait for each other. */
export interface OpenOrdersSeen {
  /** From the moment an order was due until it was Confirmed, one per order, in the order of their ends. */
  readonly latenciesMs: readonly number[];
  /** Until the last order has ended. */
  readonly seconds: number;
  /** Answers 503, after which an order was sent again. */
  readonly refused: number;
  /** The latest POST after its time, ms: the bench’s own lateness, which is part of the latencies. */
  readonly clientLateMs: number;
  /** What Postgres took for the looks; undefined where the platform does not tell. */
  readonly lookCpuSeconds: number | undefined;
}

/**
 * Places one order at each of these times (ms from now), whether or not earlier ones have ended, and waits for the last one.
 * @throws {Error} when an order is refused for good, is canceled, or does not end
 */
export async function orderAt(
  arrivalsMs: readonly number[],
  shop: Shop,
  products: readonly string[],
): Promise<OpenOrdersSeen> {
  const headers = await headersOf(shop);
  const ends = new OrderEnds(shop);
  // As many connections as there are orders on their way.
  const api = new Pool(shop.url, { connections: null });
  const latenciesMs: number[] = [];
  let [refused, clientLateMs, seconds] = [0, 0, 0];
  const customers = async (): Promise<void> => {
    const startedAt = performance.now();
    const customer = async (atMs: number, number: number): Promise<void> => {
      await sleep(Math.max(0, startedAt + atMs - performance.now()));
      clientLateMs = Math.max(clientLateMs, performance.now() - startedAt - atMs);
      const placed = await placeOrder(shop, api, headers, products[number % products.length] ?? '');
      refused += placed.refused;
      await ends.of(placed.order);
      latenciesMs.push(performance.now() - startedAt - atMs);
    };
    await Promise.all(arrivalsMs.map(customer));
    seconds = (performance.now() - startedAt) / 1_000;
  };
  try {
    const everyMs = (waiting: number): number => (waiting > FEW ? LOOK_EVERY_MS.many : LOOK_EVERY_MS.few);
    const watched = await ends.watched({ everyMs, forMs: arrivalsMs.at(-1) ?? 0 }, customers);
    return { latenciesMs, seconds, refused, clientLateMs, lookCpuSeconds: watched.cpuSeconds };
  } finally {
    await api.destroy();
  }
}
