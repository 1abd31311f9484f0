import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderPage, OrderView } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { read } from '@rookery/devkit/client/request';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { circumstances, median, type Report } from './report';
import { StartedSystem } from './started-system';

export interface OrdersBenchOptions {
  /** A commit whose system is measured by turns with that of this work tree. */
  readonly against?: string | undefined;
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly warmUpSeconds: number;
  /** Orders that may be on their way at a time. */
  readonly inFlight: number;
}

const USUAL: OrdersBenchOptions = { rounds: 5, roundSeconds: 15, warmUpSeconds: 10, inFlight: 32 };
const PRODUCTS = 10;
const STOCK = 1_000_000;
/** One request tells the endings of all orders on their way. */
const LOOK_EVERY_MS = 100;
const LISTED = 100;
const REFUSED_PAUSE_MS = 200;
const LAST_ORDERS_MS = 60_000;

/** One round of one system. */
export interface Round {
  readonly ordersPerSecond: number;
  /** Of all processes of the system, servers included; undefined where the platform does not tell. */
  readonly cpuSecondsPer1000: number | undefined;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What was measured of one system. */
export interface Measured {
  readonly name: string;
  readonly rounds: readonly Round[];
}

/** Orders from POST to Confirmed, with a bounded backlog; with `--against`, beside the system of an earlier commit. */
export const ordersBench = {
  name: 'orders',
  what: 'orders per second from POST to Confirmed, what they take and how long; --against <ref>: beside that commit',
  run: (progress: Progress, { against }: { readonly against?: string | undefined } = {}): Promise<Report> =>
    measureOrders(progress, { ...USUAL, against }),
};

/** @throws {Error} when an order ends other than Confirmed */
export async function measureOrders(progress: Progress, options: OrdersBenchOptions): Promise<Report> {
  const { at, machine } = circumstances();
  const systems: { name: string; system: StartedSystem; customer: SteadyCustomer; rounds: Round[] }[] = [];
  const start = async (name: string, started: () => Promise<StartedSystem>): Promise<void> => {
    const system = await progress.step(`${name} starts`, started);
    systems.push({ name, system, customer: await SteadyCustomer.of(system, options.inFlight), rounds: [] });
  };
  try {
    await start('this work tree', () => StartedSystem.here());
    const { against } = options;
    if (against !== undefined) {
      await start(against, () => StartedSystem.of(against));
    }
    for (const { name, customer } of systems) {
      await progress.step(`${name} warms up`, () => customer.buyFor(options.warmUpSeconds * 1_000));
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const { name, system, customer, rounds } of systems) {
        const what = `round ${round} of ${options.rounds}: ${name}`;
        rounds.push(await progress.step(what, () => oneRound(system, customer, options.roundSeconds * 1_000)));
      }
    }
  } finally {
    await Promise.all(systems.map(({ system }) => system.stop()));
  }
  const measured = systems.map(({ name, rounds }) => ({ name, rounds }));
  return {
    json: { at, machine, options, measured },
    markdown: ordersReport(`\`npm run bench -- orders\`, ${at}, ${machine}.`, options, measured),
  };
}

async function oneRound(system: StartedSystem, customer: SteadyCustomer, ms: number): Promise<Round> {
  const cpuBefore = system.cpuSeconds;
  const { latenciesMs, seconds } = await customer.buyFor(ms);
  const cpu = system.cpuSeconds;
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return {
    ordersPerSecond: sorted.length / seconds,
    cpuSecondsPer1000:
      cpu === undefined || cpuBefore === undefined ? undefined : (1_000 * (cpu - cpuBefore)) / sorted.length,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

/** A customer who always has the same number of orders on their way. */
export class SteadyCustomer {
  private constructor(
    private readonly customer: ApiClient,
    private readonly products: readonly string[],
    private readonly inFlight: number,
  ) {}

  static async of(system: StartedSystem, inFlight: number): Promise<SteadyCustomer> {
    const owner = await ApiClient.signIn(system, 'olga');
    const products: string[] = [];
    for (let count = 0; count < PRODUCTS; count += 1) {
      products.push((await owner.addProduct({ stock: STOCK })).id);
    }
    return new SteadyCustomer(await ApiClient.signIn(system, 'alice'), products, inFlight);
  }

  /** Places orders for this long and waits for the last ones; the time includes their end. */
  async buyFor(ms: number): Promise<{ readonly latenciesMs: readonly number[]; readonly seconds: number }> {
    const startedAt = performance.now();
    const waiting = new Map<string, PromiseWithResolvers<undefined>>();
    const latenciesMs: number[] = [];
    const ended = new AbortController();
    const looking = this.lookAt(waiting, ended.signal);
    const buyer = async (number: number): Promise<void> => {
      for (let count = number; performance.now() - startedAt < ms; count += this.inFlight) {
        const placedAt = performance.now();
        const end = Promise.withResolvers<undefined>();
        waiting.set(await this.place(this.products[count % this.products.length] ?? ''), end);
        await end.promise;
        latenciesMs.push(performance.now() - placedAt);
      }
    };
    const buyers = Promise.all(Array.from({ length: this.inFlight }, (_, number) => buyer(number)));
    const late = sleep(ms + LAST_ORDERS_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${waiting.size} orders did not end within ${LAST_ORDERS_MS / 1_000} s`);
    });
    await Promise.race([buyers, looking, late]).finally(() => ended.abort());
    return { latenciesMs, seconds: (performance.now() - startedAt) / 1_000 };
  }

  private async place(productId: string): Promise<string> {
    const key = randomUUID();
    for (;;) {
      const answer = await this.customer.place({ lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' }, key);
      if (answer.status === 201) {
        return read(OrderView, answer).id;
      }
      if (answer.status !== 503) {
        throw new Error(`an order was answered ${answer.status}: ${answer.text}`);
      }
      await sleep(REFUSED_PAUSE_MS);
    }
  }

  private async lookAt(waiting: Map<string, PromiseWithResolvers<undefined>>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      const answer = await this.customer.ask('GET', `/v1/orders?limit=${LISTED}`);
      const { items } = answer.status === 200 ? read(OrderPage, answer) : { items: [] };
      for (const { id, status } of items) {
        if (status === 'Canceled') {
          throw new Error(`order ${id} was canceled`);
        }
        if (status === 'Confirmed') {
          waiting.get(id)?.resolve(undefined);
          waiting.delete(id);
        }
      }
    }
  }
}

/** For people, in Markdown: the first system is the one that it is about. */
export function ordersReport(circumstance: string, options: OrdersBenchOptions, measured: readonly Measured[]): string {
  const figures = measured.map(({ name, rounds }) => ({
    name,
    rate: median(rounds.map(({ ordersPerSecond }) => ordersPerSecond)),
    cpu: median(rounds.map(({ cpuSecondsPer1000 }) => cpuSecondsPer1000 ?? Number.NaN)),
    p50: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99: median(rounds.map(({ p99Ms }) => p99Ms)),
    rates: rounds.map(({ ordersPerSecond }) => ordersPerSecond.toFixed(0)).join(' · '),
  }));
  const [own] = figures;
  const ratio = (of: (figure: (typeof figures)[number]) => number, other: (typeof figures)[number]): string =>
    own === undefined || own === other ? '' : ` (${(of(own) / of(other)).toFixed(2)} ×)`;
  return [
    '# Orders from POST to Confirmed',
    '',
    `${circumstance} ${options.inFlight} orders in flight, ${options.rounds} rounds of ${options.roundSeconds} s each, by turns; medians. In parentheses: the first system’s figure as a multiple of this one.`,
    '',
    '| system | orders/s | rounds | CPU-seconds per 1,000 orders, servers included | p50, ms | p99, ms |',
    '| --- | ---: | --- | ---: | ---: | ---: |',
    ...figures.map((one) =>
      [
        `| ${one.name}`,
        `${one.rate.toFixed(1)}${ratio(({ rate }) => rate, one)}`,
        one.rates,
        Number.isNaN(one.cpu) ? 'not measured' : `${one.cpu.toFixed(1)}${ratio(({ cpu }) => cpu, one)}`,
        `${one.p50.toFixed(0)}${ratio(({ p50 }) => p50, one)}`,
        `${one.p99.toFixed(0)}${ratio(({ p99 }) => p99, one)} |`,
      ].join(' | '),
    ),
    '',
    'Every order ended as Confirmed. An order’s end is seen by a look at the list of orders every 100 ms, so latencies are up to 100 ms too long.',
    '',
  ].join('\n');
}
