import { Pool } from 'undici';
import { headersOf, OrderEnds, placeOrder, type Shop } from './order-client';

const LOOK_EVERY_MS = 10;

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
  private readonly ends: OrderEnds;
  private next = 0;

  constructor(
    private readonly system: Shop,
    private readonly products: readonly string[],
    private readonly inFlight: number,
  ) {
    this.ends = new OrderEnds(system);
  }

  /** Orders that were placed so far, all of them Confirmed. */
  get placed(): number {
    return this.next;
  }

  /**
   * Places orders for this long and waits for the last ones; the time includes their end.
   * @throws {Error} when an order is refused for good, is canceled, or does not end
   */
  async buyFor(ms: number): Promise<OrdersSeen> {
    const headers = await headersOf(this.system);
    const api = new Pool(this.system.url, { connections: this.inFlight });
    const latenciesMs: number[] = [];
    const startedAt = performance.now();
    const buyer = async (): Promise<void> => {
      while (performance.now() - startedAt < ms) {
        const placedAt = performance.now();
        const { order } = await placeOrder(this.system, api, headers, this.nextProduct());
        await this.ends.of(order);
        latenciesMs.push(performance.now() - placedAt);
      }
    };
    try {
      await this.ends.watched({ everyMs: () => LOOK_EVERY_MS, forMs: ms }, () =>
        Promise.all(Array.from({ length: this.inFlight }, buyer)),
      );
      return { latenciesMs, seconds: (performance.now() - startedAt) / 1_000 };
    } finally {
      await api.destroy();
    }
  }

  private nextProduct(): string {
    const product = this.products[this.next % this.products.length] ?? '';
    this.next += 1;
    return product;
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
