import { ApiClient } from '@rookery/devkit/client/api-client';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { OrderLoad, type OrdersRound, ordersRound } from './order-load';
import { shopOf } from './own-system';
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

/** What was measured of one system. */
export interface Measured {
  readonly name: string;
  readonly rounds: readonly OrdersRound[];
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
  const systems: { name: string; system: StartedSystem; load: OrderLoad; rounds: OrdersRound[] }[] = [];
  const start = async (name: string, started: () => Promise<StartedSystem>): Promise<void> => {
    const system = await progress.step(`${name} starts`, started);
    systems.push({ name, system, load: await loadOf(name, system, options.inFlight), rounds: [] });
  };
  try {
    await start('this work tree', () => StartedSystem.here());
    const { against } = options;
    if (against !== undefined) {
      await start(against, () => StartedSystem.of(against));
    }
    for (const { name, load } of systems) {
      await progress.step(`${name} warms up`, () => load.buyFor(options.warmUpSeconds * 1_000));
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const { name, system, load, rounds } of systems) {
        const what = `round ${round} of ${options.rounds}: ${name}`;
        rounds.push(await progress.step(what, () => oneRound(system, load, options.roundSeconds * 1_000)));
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

async function oneRound(system: StartedSystem, load: OrderLoad, ms: number): Promise<OrdersRound> {
  const cpuBefore = system.cpuSeconds;
  return ordersRound(await load.buyFor(ms), cpuBefore, system.cpuSeconds);
}

/** Customers of a system’s first products. */
export const loadOf = async (name: string, system: StartedSystem, inFlight: number): Promise<OrderLoad> =>
  new OrderLoad(shopOf(name, system), await productsOf(system), inFlight);

/** Adds products of which there is enough. Result: their ids. */
export async function productsOf(system: StartedSystem): Promise<readonly string[]> {
  const owner = await ApiClient.signIn(system, 'olga');
  const products: string[] = [];
  for (let count = 0; count < PRODUCTS; count += 1) {
    products.push((await owner.addProduct({ stock: STOCK })).id);
  }
  return products;
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
    'Every order ended as Confirmed. An order’s end is seen by a look at the table of orders every 10 ms, so latencies are up to 10 ms too long.',
    '',
  ].join('\n');
}
