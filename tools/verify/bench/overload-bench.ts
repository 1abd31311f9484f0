import { ApiClient, tokenOf } from '@rookery/devkit/client/api-client';
import { keepTo, otherCores } from '@rookery/devkit/client/cores';
import { offer, ORDERS_PER_SECOND, type Seen } from '@rookery/devkit/client/open-loop';
import { addProducts } from '@rookery/devkit/client/retrying-load';
import { buildApps } from '@rookery/devkit/stack/build';
import { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { drained } from '@rookery/devkit/stack/rest';
import { rowsOf } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { overloadReport, type OverloadResult, type Phase, phaseOf } from './overload-report';
import { circumstances } from './report';

export interface OverloadBenchOptions {
  readonly secondsPerPhase: number;
  readonly searchSeconds: number;
  readonly rounds: number;
  /** Reads that the search begins with, per second, and by what they grow. */
  readonly firstRate: number;
  readonly growth: number;
}

const USUAL: OverloadBenchOptions = { secondsPerPhase: 15, searchSeconds: 8, rounds: 3, firstRate: 200, growth: 1.25 };
const ORDERS_TO_READ = 30;
/** Until code is compiled that runs all the time: before that, each request takes twice as much. */
const WARM_UP_SECONDS = 30;
const WARM_UP_RATE = 300;
/** Longer than overload leaves work behind. */
const LONGEST_SEARCH = 20;

/** What the system does when more comes than it can: with load shedding at the gateway, and by a second gateway without. */
export const overloadBench = {
  name: 'overload',
  what: 'goodput and latency at twice the capacity, beside the same system without load shedding',
  run: async (progress: Progress) => overloadReport(await measureOverload(progress, USUAL)),
};

/** Finds the load with the greatest goodput, then offers twice as much, by turns to the gateway that sheds and to the one that does not. */
export async function measureOverload(progress: Progress, options: OverloadBenchOptions): Promise<OverloadResult> {
  await progress.step('build', () => buildApps());
  const at = circumstances();
  // The stack inherits it.
  const ownCore = keepTo(otherCores(), process.pid);
  const stack = await IsolatedStack.start({ progress, environment: { LOG_LEVEL: 'warn' } });
  try {
    await progress.step('a second gateway, without load shedding', () =>
      stack.startReplica('gateway', { LOAD_SHEDDING: 'off' }),
    );
    const offered = await OfferedLoad.open(stack, progress);
    await progress.step(`warm-up, ${WARM_UP_SECONDS} s`, async () => {
      for (const url of [stack.gatewayUrl, stack.replicaUrl]) {
        await offered.offer(url, WARM_UP_RATE, WARM_UP_SECONDS);
      }
    });
    const search = await offered.search(options);
    const best = search.reduce((a, b) => (b.goodput > a.goodput ? b : a));
    const atPeak = best.offeredPerSecond - ORDERS_PER_SECOND;
    const twice = 2 * best.goodput - ORDERS_PER_SECOND;
    const phases: Record<'peak' | 'overload' | 'peer' | 'orders', Phase[]> = {
      peak: [],
      overload: [],
      peer: [],
      orders: [],
    };
    for (let round = 1; round <= options.rounds; round += 1) {
      const measure = (name: keyof typeof phases, url: string, reads: number, orders?: number): Promise<void> =>
        progress.step(`round ${round}, ${name}: ${Math.round(reads)} reads/s`, async () => {
          phases[name].push(await offered.offer(url, reads, options.secondsPerPhase, orders));
        });
      await measure('peak', stack.gatewayUrl, atPeak);
      await measure('overload', stack.gatewayUrl, twice);
      await measure('peer', stack.replicaUrl, twice);
      await measure('orders', stack.gatewayUrl, twice, 2 * ORDERS_PER_SECOND);
    }
    return {
      ...at,
      seconds: options.secondsPerPhase,
      ownCore,
      search,
      ...phases,
      placed: offered.placed,
      confirmed: await offered.confirmed(),
    };
  } finally {
    await progress.step('stopped', () => stack.stop());
  }
}

class OfferedLoad {
  private readonly orders: string[] = [];
  private readonly taken = new Set<string>();

  private constructor(
    private readonly stack: IsolatedStack,
    private readonly progress: Progress,
    private readonly products: readonly string[],
  ) {}

  static async open(stack: IsolatedStack, progress: Progress): Promise<OfferedLoad> {
    // The first one is few.
    const [, ...products] = await addProducts(await ApiClient.signIn(stack, 'olga'));
    const offered = new OfferedLoad(stack, progress, products);
    // A load that places orders needs none to read yet; an id that nobody has is answered as well.
    const [unknown = ''] = products;
    while (offered.orders.length < ORDERS_TO_READ) {
      const { placed } = await offered.run(stack.gatewayUrl, [unknown], 100, 5);
      offered.orders.push(...placed);
    }
    return offered;
  }

  get placed(): number {
    return this.taken.size;
  }

  /** Offers a load and waits until what it left behind is done, so that the next one finds the system at rest. */
  async offer(
    url: string,
    readsPerSecond: number,
    seconds: number,
    ordersPerSecond = ORDERS_PER_SECOND,
  ): Promise<Phase> {
    return phaseOf(await this.run(url, this.orders, readsPerSecond, seconds, ordersPerSecond), seconds);
  }

  /** Offers more and more until goodput has fallen, or not grown, twice. */
  async search({ firstRate, growth, searchSeconds }: OverloadBenchOptions): Promise<readonly Phase[]> {
    return this.progress.step('the load with the greatest goodput', async () => {
      const phases: Phase[] = [];
      let best = 0;
      let since = 0;
      for (let rate = firstRate; since < 2 && phases.length < LONGEST_SEARCH; rate *= growth) {
        const phase = await this.offer(this.stack.gatewayUrl, rate, searchSeconds);
        this.progress.say(
          `  ${Math.round(rate)} reads/s: goodput ${Math.round(phase.goodput)}, p99 ${Math.round(phase.p99Ms)} ms`,
        );
        phases.push(phase);
        since = phase.goodput > best * 1.02 ? 0 : since + 1;
        best = Math.max(best, phase.goodput);
      }
      return phases;
    });
  }

  /** How many of the orders that were taken are Confirmed. */
  async confirmed(): Promise<number> {
    const sql = `SELECT id FROM orders WHERE status = 'Confirmed'`;
    const rows = await rowsOf<{ id: string }>(this.stack, 'orders', sql);
    return rows.filter(({ id }) => this.taken.has(id)).length;
  }

  private async run(
    url: string,
    orders: readonly string[],
    readsPerSecond: number,
    seconds: number,
    ordersPerSecond = ORDERS_PER_SECOND,
  ): Promise<Seen> {
    // A token does not outlive the whole bench.
    const token = await tokenOf(this.stack.authUrl, 'alice');
    const products = [...this.products];
    const seen = await offer({ url, token, products, orders: [...orders], readsPerSecond, ordersPerSecond, seconds });
    for (const id of seen.placed) {
      this.taken.add(id);
    }
    if ((await drained(this.stack)) === undefined) {
      throw new Error('what the load left behind did not come to rest');
    }
    return seen;
  }
}
